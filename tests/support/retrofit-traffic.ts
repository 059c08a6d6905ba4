import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { basic } from './api.ts';

/** `NAME:PASSWORD`, or undefined for nobody. */
type Credentials = string | undefined;

/** A program that comes to Kapacitor, doing what it does every day. */
export interface Visitor {
  /** How its User-Agent begins. */
  readonly program: string;
  /** One after the other. @returns what was denied */
  visit(port: number, as: Credentials): Promise<readonly string[]>;
}

const V1 = '/kapacitor/v1';
const SCRIPT = `stream\n    |from()\n        .measurement('cpu')\n`;

/** Telegraf, Chronograf, a Go program, curl, and Kapacitor's CLI where there is one. */
export function visitorsOf(dir: string, cli: string | undefined): readonly Visitor[] {
  return [
    asking('Telegraf/1.20.4 Go/1.17', ['POST /write?db=telegraf']),
    asking('Mozilla/5.0 (X11; Linux x86_64)', [
      'GET /kapacitor/v1preview/ping',
      ...[`GET ${V1}/ping`, `GET ${V1}/config`, `GET ${V1}/service-tests`],
      ...[`GET ${V1}/tasks?limit=100`, `POST ${V1}/config/slack/ {"set":{"channel":"ops"}}`],
      `POST ${V1}/tasks ${taskNamed('from-chronograf')}`,
      `PATCH ${V1}/tasks/from-chronograf {"status":"disabled"}`,
      `DELETE ${V1}/tasks/from-chronograf`,
    ]),
    asking('Go-http-client/1.1', [`GET ${V1}/debug/vars`]),
    { program: 'curl/', visit: (port, as) => curl(port, as) },
    cli === undefined
      ? asking('KapacitorClient', [
          ...[`GET ${V1}/tasks?limit=100`, `GET ${V1}/templates?limit=100`],
          `POST ${V1}/tasks ${taskNamed('from-cli')}`,
          `DELETE ${V1}/tasks/from-cli`,
        ])
      : { program: 'KapacitorClient', visit: (port, as) => useCli(cli, dir, port, as) },
  ];
}

function taskNamed(id: string): string {
  const dbrps = [{ db: 'telegraf', rp: 'autogen' }];
  return JSON.stringify({ id, type: 'stream', dbrps, script: SCRIPT, status: 'disabled' });
}

/** One that sends `METHOD TARGET BODY`; writes as Telegraf does, packed and in chunks. */
function asking(program: string, requests: readonly string[]): Visitor {
  return {
    program,
    visit: async (port, as) => {
      const denied: string[] = [];
      for (const each of requests) {
        const [method = '', path = '', ...rest] = each.split(' ');
        const isWrite = path.startsWith('/write');
        const body = isWrite ? gzipSync('cpu usage=1\n') : Buffer.from(rest.join(' '));
        const headers = {
          'User-Agent': program,
          ...(as === undefined ? {} : { Authorization: basic(as) }),
          ...(isWrite
            ? { 'Content-Encoding': 'gzip', 'Transfer-Encoding': 'chunked' }
            : { 'Content-Length': body.length }),
        };
        const status = await send({ port, method, path, headers }, body);
        if (isDenied(status)) denied.push(`${status} ${each}`);
        else if (status >= 500) throw new Error(`${program}: ${each}: ${status}`);
      }
      return denied;
    },
  };
}

function send(
  options: {
    readonly port: number;
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string | number>>;
  },
  body: Buffer,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', agent: false, ...options }, (response) => {
      response.resume().once('end', () => {
        resolve(response.statusCode ?? 0);
      });
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

async function curl(port: number, as: Credentials): Promise<readonly string[]> {
  const denied: string[] = [];
  for (const path of ['/ping', '/alerts/topics']) {
    const url = `http://127.0.0.1:${port}${V1}${path}`;
    const args = ['-s', '-o', '/dev/null', '-w', '%{http_code}', '--noproxy', '*', url];
    const { stdout } = await run('curl', as === undefined ? args : ['-u', as, ...args]);
    if (isDenied(Number(stdout))) denied.push(`${stdout} curl ${url}`);
  }
  return denied;
}

/** The CLI's own commands; it ends with another code than 0 where it was refused. */
async function useCli(
  cli: string,
  dir: string,
  port: number,
  as: Credentials,
): Promise<readonly string[]> {
  const script = join(dir, 'cpu.tick');
  await writeFile(script, SCRIPT);
  const url = `http://${as === undefined ? '' : `${as}@`}127.0.0.1:${port}`;
  const denied: string[] = [];
  for (const line of [
    'list tasks',
    'list templates',
    `define from-cli -type stream -dbrp telegraf.autogen -tick ${script}`,
    'show from-cli',
    'enable from-cli',
    'delete tasks from-cli',
  ]) {
    const { code, stderr } = await run(cli, ['-url', url, ...line.split(' ')]);
    if (code !== 0) denied.push(`${line}: ${stderr}`);
  }
  return denied;
}

function run(
  program: string,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(program, args, {
    env: { PATH: process.env['PATH'], CURL_HOME: '/nonexistent' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
}

function isDenied(status: number): boolean {
  return status === 401 || status === 403;
}
