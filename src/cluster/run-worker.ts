import type { Config } from '../config/config.ts';
import { messageOf } from '../kernel/errors.ts';
import type { Channel } from './channel.ts';
import type { ConfigTexts } from './config-texts.ts';
import { isToWorker } from './messages.ts';
import type { Beginning, FromWorker } from './messages.ts';
import { Worker } from './worker.ts';

interface Options {
  /** To the primary. */
  readonly channel: Channel;
  readonly load: (texts: ConfigTexts) => Config;
  readonly version: string;
}

const ALIVE_MS = 5_000;

/** Serves as one of the workers until the primary says stop, or is gone. @throws where it cannot begin */
export async function runWorker({ channel, load, version }: Options): Promise<void> {
  const tell = (message: FromWorker): void => {
    channel.send(message);
  };
  const sign = setInterval(tell, ALIVE_MS, { kind: 'alive' });
  try {
    await untilStopped(channel, (beginning) => new Worker(beginning, { tell, load, version }));
  } catch (error) {
    tell({ kind: 'failed', why: messageOf(error) });
    throw error;
  } finally {
    clearInterval(sign);
    channel.close();
  }
}

/** The primary is told that somebody listens: what it would say before, nobody would hear. */
function untilStopped(channel: Channel, begin: (beginning: Beginning) => Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    let worker: Worker | undefined;
    let isStopping = false;
    const stop = (isAlone: boolean): void => {
      if (isStopping) return;
      isStopping = true;
      (worker?.stop(isAlone) ?? Promise.resolve()).then(resolve, reject);
    };
    channel.onGone(() => stop(true));
    channel.onMessage((message, socket) => {
      if (!isToWorker(message)) return;
      if (message.kind === 'stop') stop(false);
      else if (message.kind !== 'begin') worker?.hear(message, socket);
      else {
        try {
          worker = begin(message.beginning);
          worker.start().catch(reject);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(messageOf(error)));
        }
      }
    });
    channel.send({ kind: 'here' } satisfies FromWorker);
  });
}
