import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTempDir } from './temp-dir.ts';

const PROGRAM = 'chromium';
const TIMEOUT_MS = 120_000;

/** Whether there is a Chromium; where there is none, one line says what is left out. */
export function findBrowser(what: string): boolean {
  const { status } = spawnSync(PROGRAM, ['--version'], { timeout: TIMEOUT_MS });
  if (status === 0) return true;
  process.stderr.write(`skipped: no chromium (${what})\n`);
  return false;
}

/** A headless Chromium with a profile of its own, and one page in it. */
export interface Browser {
  /** Opens a page and waits until it has loaded. */
  open(url: string): Promise<void>;
  /** The same, as somebody who gives name and password to the box that comes up: the browser then knows them. */
  login(url: string, username: string, password: string): Promise<void>;
  /** Runs a script in the page, and gives what it resolves with. */
  run(script: string): Promise<unknown>;
  stop(): Promise<void>;
}

/** Drives it over a pipe (Chrome DevTools Protocol, `--remote-debugging-pipe`). */
export async function startBrowser(): Promise<Browser> {
  const profile = await createTempDir();
  const child = spawn(
    PROGRAM,
    [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--disable-background-networking',
      '--remote-debugging-pipe',
      `--user-data-dir=${join(profile.path, 'profile')}`,
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
  );
  const exited = new Promise<void>((resolve) => {
    child.once('close', () => {
      resolve();
    });
    child.once('error', () => {
      resolve();
    });
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
    await profile.remove();
  };
  try {
    return { ...(await openPage(child)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function openPage(child: ChildProcess): Promise<Omit<Browser, 'stop'>> {
  const protocol = speak(child);
  const { targetInfos } = (await protocol.send('Target.getTargets')) as {
    readonly targetInfos: readonly { readonly type: string; readonly targetId: string }[];
  };
  const targetId = targetInfos.find(({ type }) => type === 'page')?.targetId;
  const { sessionId } = (await protocol.send('Target.attachToTarget', {
    targetId,
    flatten: true,
  })) as { readonly sessionId: string };
  const send = (method: string, params: object = {}): Promise<unknown> =>
    protocol.send(method, params, sessionId);
  await send('Page.enable');

  const open = async (url: string): Promise<void> => {
    const loaded = protocol.once('Page.loadEventFired');
    const { errorText } = (await send('Page.navigate', { url })) as { readonly errorText?: string };
    if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
    await loaded;
  };
  return {
    open,
    login: async (url, username, password) => {
      protocol.on('Fetch.requestPaused', ({ requestId }) => {
        // One that is still on its way when this is over goes on without it.
        send('Fetch.continueRequest', { requestId }).catch(() => undefined);
      });
      protocol.on('Fetch.authRequired', ({ requestId }) => {
        const authChallengeResponse = { response: 'ProvideCredentials', username, password };
        send('Fetch.continueWithAuth', { requestId, authChallengeResponse }).catch(() => undefined);
      });
      await send('Fetch.enable', { handleAuthRequests: true });
      await open(url);
      await send('Fetch.disable');
    },
    run: async (script) => {
      const { result } = (await send('Runtime.evaluate', {
        expression: `(async () => { ${script} })()`,
        awaitPromise: true,
        returnByValue: true,
      })) as { readonly result: { readonly value?: unknown } };
      return result.value;
    },
  };
}

type Params = Readonly<Record<string, unknown>>;

interface Protocol {
  send(method: string, params?: object, sessionId?: string): Promise<unknown>;
  on(method: string, listener: (params: Params) => void): void;
  once(method: string): Promise<unknown>;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Params;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/** JSON messages, a NUL behind each. */
function speak(child: ChildProcess): Protocol {
  const [, , , input, output] = child.stdio as unknown as [null, null, null, Writable, Readable];
  const waiting = new Map<number, (message: Message) => void>();
  const listeners = new Map<string, (params: Params) => void>();
  let rest = '';
  let lastId = 0;
  input.on('error', () => undefined);
  output.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\0');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const message = JSON.parse(part) as Message;
      if (message.id !== undefined) waiting.get(message.id)?.(message);
      else listeners.get(message.method ?? '')?.(message.params ?? {});
    }
  });
  return {
    send: async (method, params = {}, sessionId) => {
      const id = ++lastId;
      const answer = new Promise<Message>((resolve) => waiting.set(id, resolve));
      input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
      const { result, error } = await within(method, answer);
      waiting.delete(id);
      if (error !== undefined) throw new Error(`${method}: ${error.message}`);
      return result;
    },
    on: (method, listener) => {
      listeners.set(method, listener);
    },
    once: (method) =>
      within(
        method,
        new Promise((resolve) => {
          listeners.set(method, resolve);
        }),
      ),
  };
}

async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  const ended = new AbortController();
  const late = sleep(TIMEOUT_MS, undefined, { signal: ended.signal }).then(() => {
    throw new Error(`chromium does not answer: ${what}`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    ended.abort();
  }
}
