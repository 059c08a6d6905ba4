import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { expectNoAccidents } from '../support/accidents.ts';
import { eventually } from '../support/eventually.ts';
import { findGo, startGo } from '../support/go.ts';
import type { GoProgram } from '../support/go.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, openRawConnection } from '../support/raw-client.ts';
import { startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordedRequest, RecordingUpstream } from '../support/recording-upstream.ts';
import { parseQuery } from '../kernel/go-reading.ts';
import { LIMIT_MS, fuzz } from './runs.ts';
import { streamsWith } from './streams.ts';
import type { Stream } from './streams.ts';

const testWithGo = findGo('raw bytes are not compared with what Kapacitor would read')
  ? test
  : test.skip;

/** Nothing arrived for so long: the gateway waits for the client. */
const QUIET_MS = 60;

const REUSES = 40;
/** Connections that may have been closed while others were opened. */
const RECENT = 20;

/** Ends the connection, where what stands before it is whole. */
const LAST = 'GET /kapacitor/v1/ping HTTP/1.1\r\nHost: last\r\nConnection: close\r\n\r\n';

expectNoAccidents();

let upstream: RecordingUpstream;
let gateway: OpenGateway;
let go: GoProgram | undefined;

beforeAll(async () => {
  let answers = 0;
  upstream = await startRecordingUpstream((_, response) => {
    // A connection is used many times, and not for ever: all its bytes are kept.
    if (++answers % REUSES === 0) response.setHeader('Connection', 'close');
    response.writeHead(200, { 'Content-Type': 'text/plain' }).end('from upstream');
  });
  gateway = await openGateway({ upstream: upstream.url, subscriptions: { influx: ['d1'] } });
});

afterAll(async () => {
  await go?.stop();
  await gateway.stop();
  await upstream.stop();
});

/** As tests/go/connections.go says it. */
interface GoRequest {
  readonly method: string;
  readonly path: string;
  readonly clean: string;
  readonly query: string;
  readonly user: string;
  readonly password: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly body: string;
  readonly whole: boolean;
}

interface GoConnection {
  readonly requests: readonly GoRequest[];
  readonly statuses: readonly string[];
}

async function readByGo(mode: 'serve' | 'read', bytes: Buffer): Promise<GoConnection> {
  go ??= startGo('connections.go');
  return (await go.ask(`${mode} ${bytes.toString('hex')}`)) as GoConnection;
}

let cases = 0;

/** Sends it from an address of its own, by which what comes of it is told from all else. */
async function play(stream: Stream): Promise<string> {
  cases += 1;
  const address = `127.${1 + (cases >> 14)}.${(cases >> 7) & 127}.${1 + (cases & 127)}`;
  const connection = await openRawConnection(gateway.port, { localAddress: address });
  let arrivedMs = Date.now();
  let hasEnded = false;
  connection.socket
    .on('data', () => (arrivedMs = Date.now()))
    .on('end', () => (hasEnded = true))
    .on('close', () => (hasEnded = true));
  for (const piece of [...stream, LAST]) {
    if (connection.socket.destroyed) break;
    connection.send(Buffer.from(piece, 'latin1'));
    await sleep(1);
  }
  await eventually('quiet', () => hasEnded || Date.now() - arrivedMs > QUIET_MS);
  connection.destroy();
  return address;
}

function forwardedFrom(address: string): readonly RecordedRequest[] {
  return upstream.requests.filter((request) => headerOf(request, 'X-Forwarded-For') === address);
}

function headerOf({ headers }: RecordedRequest, name: string): string | undefined {
  return headers.find(([each]) => each === name)?.[1];
}

/** A request as both sides are asked about it. */
interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: readonly string[];
  readonly user: string;
  readonly body: string;
}

function seenUpstream(request: RecordedRequest, read: GoRequest): Seen {
  return {
    method: read.method,
    path: read.path,
    query: pairsOf(read.query),
    user: decodeURIComponent(headerOf(request, 'X-Forwarded-User') ?? ''),
    body: read.body,
  };
}

/** What Kapacitor itself would make of what the client sent; the path of a subscription as what it stands for. */
function seenAtFront(read: GoRequest): Seen {
  const subscribed = /^\/sub\/([^/]*)\/(write|ping)$/.exec(
    Buffer.from(read.path, 'hex').toString(),
  );
  const standsFor = subscribed?.[2] === 'write' ? '/write' : '/kapacitor/v1/ping';
  return {
    method: read.method,
    path: subscribed === null ? read.path : Buffer.from(standsFor).toString('hex'),
    query: pairsOf(read.query),
    user: subscribed === null ? userOf(read) : '~subscriber:influx',
    body: read.body,
  };
}

/** Whom the password proves, and who then is named upstream. */
function userOf({ user, password }: GoRequest): string {
  if (user === '~subscriber')
    return password === gateway.secrets['influx'] ? '~subscriber:influx' : '?';
  return password === `pw-${user}` ? user : '?';
}

/** Both kinds of Go read the same pairs, and none of them is a credential. */
function pairsOf(query: string): readonly string[] {
  const raw = Buffer.from(query, 'hex');
  const [before, since] = (['before 1.17', 'since 1.17'] as const).map((version) =>
    parseQuery(raw, version).map((pair) => pair.map((each) => each.toString('hex')).join('=')),
  );
  const u = Buffer.from('u=').toString('hex').slice(0, 2);
  const p = Buffer.from('p=').toString('hex').slice(0, 2);
  const kept = (since ?? []).filter(
    (pair) => !pair.startsWith(`${u}=`) && !pair.startsWith(`${p}=`),
  );
  return String(before) === String(since) ? kept : ['two readings'];
}

function mayPass({ method, path, user, query }: Seen): boolean {
  const text = Buffer.from(path, 'hex').toString();
  const plain = text.replace('/kapacitor/v1preview/', '/kapacitor/v1/');
  if (/^\/kapacitor\/v1\/users(?:\/|$)|^\/sub(?:\/|$)/i.test(plain)) return false;
  if (user === 'admin' || method === 'HEAD') return true;
  if (/^\/kapacitor\/v1\/(?:storage\/backup|sideload|loglevel)(?:\/|$)/.test(plain)) return false;
  if (user === 'reader') return method === 'GET';
  const isWrite = method === 'POST' && (plain === '/write' || plain === '/kapacitor/v1/write');
  const databases = query.filter((pair) =>
    pair.startsWith(`${Buffer.from('db').toString('hex')}=`),
  );
  const d1 = `${Buffer.from('db').toString('hex')}=${Buffer.from('d1').toString('hex')}`;
  if (user === '~subscriber:influx') {
    const isOwn = databases.every((each) => each === d1);
    // With a slash behind it the right to it is the same, and Kapacitor answers 404.
    return /^\/write$|^\/kapacitor\/v1\/(?:write|ping)\/?$/.test(plain) && (!isWrite || isOwn);
  }
  if (user === 'ben') return !isWrite || databases.every((each) => each.endsWith('='));
  return user === 'ann';
}

/** Every one of the second list in the first, in their order. */
function isWithin(all: readonly Seen[], some: readonly Seen[]): boolean {
  let from = 0;
  return some.every((each) => {
    const text = JSON.stringify(each);
    const found = all.findIndex((other, index) => index >= from && JSON.stringify(other) === text);
    from = found + 1;
    return found >= 0;
  });
}

async function check(stream: Stream): Promise<void> {
  const logged = gateway.lines.length;
  const oldest = Math.max(1, upstream.connections - upstream.openConnections - RECENT);
  const marks = new Map<number, number>();
  for (let each = oldest; each <= upstream.connections; each++) {
    marks.set(each, upstream.bytesOf(each).length);
  }
  upstream.clear();
  const address = await play(stream);
  await eventually('all arrived', () =>
    upstream.requests.every(({ state }) => state !== 'arriving'),
  );
  const forwarded = forwardedFrom(address);

  // What was sent is read by Go as by the recording server: request by request, none more and none refused.
  const seen = new Map<RecordedRequest, Seen>();
  for (const connection of new Set(forwarded.map((each) => each.connection))) {
    const bytes = upstream.bytesOf(connection).subarray(marks.get(connection) ?? 0);
    const { requests, statuses } = await readByGo('serve', bytes);
    const here = forwarded.filter((each) => each.connection === connection);
    const mine = requests.filter(({ headers }) => headers['X-Forwarded-For']?.[0] === address);
    expect(mine.map(({ method }) => method)).toEqual(here.map(({ method }) => method));
    expect(statuses.filter((status) => status !== '204')).toEqual([]);
    expect(mine.map(({ whole }) => whole)).toEqual(here.map(({ state }) => state === 'complete'));
    for (const [index, read] of mine.entries()) {
      const request = here[index];
      if (request === undefined) continue;
      expect(read.path).toBe(read.clean);
      expect(read.headers['Authorization']).toBeUndefined();
      expect(read.headers['X-Forwarded-User']).toHaveLength(1);
      seen.set(request, seenUpstream(request, read));
    }
  }
  const arrived = forwarded.flatMap((request) => seen.get(request) ?? []);
  expect(arrived.filter((each) => !mayPass(each))).toEqual([]);

  // And each is one that Kapacitor would have read, too, had the client been its own.
  const whole = forwarded.length === 0 ? [] : await wholeAtFront(stream);
  const cutOff = forwarded.some(({ state }) => state !== 'complete');
  if (!cutOff && !isWithin(whole, arrived)) expect(arrived).toEqual(whole);

  // And each is one that was judged: the access log has it, by its user.
  const judged = gateway.lines
    .slice(logged)
    .filter(({ message }) => message === 'http request')
    .map(({ fields }) => fields)
    .filter(({ host, auth }) => host === address && auth !== undefined);
  for (const { method, user } of arrived) {
    expect(judged).toContainEqual(expect.objectContaining({ method, username: user }));
  }
}

async function wholeAtFront(stream: Stream): Promise<readonly Seen[]> {
  const { requests } = await readByGo('read', Buffer.from(stream.join('') + LAST, 'latin1'));
  return requests.filter(({ whole }) => whole).map(seenAtFront);
}

function words() {
  const basic = (text: string): string =>
    `Authorization: Basic ${Buffer.from(text).toString('base64')}`;
  const secret = gateway.secrets['influx'] ?? '';
  return {
    authorizations: [
      ...[as('admin'), as('ann'), as('ann'), as('ben'), as('reader'), as('nobody')],
      ...[basic(`~subscriber:${secret}`), as('ann').replace('Basic', 'bAsIc')],
    ],
    wrong: [
      ...[basic('admin:wrong'), basic('nobody-at-all:x'), basic('ann'), as('ann').toUpperCase()],
      ...['Authorization: Bearer a.b.c', 'Authorization: Digest x', 'Authorization:'],
      ...['Authorization: Basic', 'Authorization_: x', 'Proxy-Authorization: x'],
    ],
    secrets: [secret, 'wrong'],
    queries: [
      'u=ann&p=pw-ann',
      'u=admin&p=pw-admin',
      'u=admin&p=no',
      'u=reader&p=pw-reader',
      'u=ann',
      'p=x&u=',
    ],
  };
}

describe('fuzz socket', () => {
  testWithGo(
    'nothing arrives but what was judged, as Kapacitor reads it',
    async () => {
      await fuzz('socket', 300, streamsWith(words()), check);
      expect(
        (
          await exchange(
            gateway.port,
            `GET /kapacitor/v1/tasks HTTP/1.1\r\nHost: x\r\n${as('ann')}\r\n\r\n`,
          )
        ).status,
      ).toBe(200);
    },
    LIMIT_MS,
  );
});
