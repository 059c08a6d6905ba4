import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const READING = fileURLToPath(new URL('../go/reading.go', import.meta.url));

/** True where Go is on PATH; else one line says what is left out. */
export function findGo(what: string): boolean {
  const isFound = spawnSync('go', ['version'], { encoding: 'utf8' }).status === 0;
  if (!isFound) process.stderr.write(`skipped: no go on PATH (${what})\n`);
  return isFound;
}

/** Runs tests/go/reading.go over a list of texts: what Go itself makes of each. */
export async function readByGo(
  mode: 'targets' | 'texts',
  texts: readonly string[],
): Promise<readonly unknown[]> {
  const child = spawn('go', ['run', READING, mode], {
    env: { ...process.env, GOTOOLCHAIN: 'local', GO111MODULE: 'off' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  child.stdin.end(texts.map((text) => `${JSON.stringify(text)}\n`).join(''));
  const answers: unknown[] = [];
  for await (const line of createInterface({ input: child.stdout })) answers.push(JSON.parse(line));
  const code = await ended;
  if (code !== 0 || answers.length !== texts.length) {
    throw new Error(`go run ended with ${code} and ${answers.length} of ${texts.length} answers`);
  }
  return answers;
}

/** A running Go program that answers lines with lines. */
export interface GoProgram {
  /** What it makes of one line; lines are answered in turn. */
  ask(line: string): Promise<unknown>;
  stop(): Promise<void>;
}

/** Compiles and starts a program of tests/go. */
export function startGo(program: string, ...args: readonly string[]): GoProgram {
  const source = fileURLToPath(new URL(`../go/${program}`, import.meta.url));
  const child = spawn('go', ['run', source, ...args], {
    env: { ...process.env, GOTOOLCHAIN: 'local', GO111MODULE: 'off' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise((resolve) => child.once('close', resolve));
  return {
    ask: async (line) => {
      child.stdin.write(`${line}\n`);
      const next: IteratorResult<string, unknown> = await lines.next();
      if (next.done === true) throw new Error(`${program} has ended`);
      return JSON.parse(next.value) as unknown;
    },
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
