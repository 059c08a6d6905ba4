import { spawn, spawnSync } from 'node:child_process';

/** True where curl is found; else one line says what is left out. */
export function findCurl(what: string): boolean {
  const isFound = spawnSync('curl', ['--version']).status === 0;
  if (!isFound) process.stderr.write(`skipped: no curl (${what})\n`);
  return isFound;
}

export interface ShellResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs lines as a person pastes them into a shell, without what a person's own configuration of curl would add. */
export function paste(
  lines: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ShellResult> {
  const child = spawn('sh', ['-c', lines], {
    env: { PATH: process.env['PATH'], CURL_HOME: '/nonexistent', NO_PROXY: '*', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
}
