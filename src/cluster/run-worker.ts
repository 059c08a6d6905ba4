import type { Config } from '../config/config.ts';
import { messageOf } from '../kernel/errors.ts';
import type { LogSurroundings } from '../kernel/log.ts';
import type { Channel } from './channel.ts';
import type { ConfigTexts } from './config-texts.ts';
import { isToWorker } from './messages.ts';
import type { Beginning, FromWorker } from './messages.ts';
import { openWorker } from './worker.ts';
import type { Worker } from './worker.ts';

interface Options {
  /** To the primary. */
  readonly channel: Channel;
  readonly load: (texts: ConfigTexts) => Config;
  readonly version: string;
  /** Where its log goes, if it has no file. */
  readonly output: LogSurroundings;
}

const ALIVE_MS = 5_000;

/** Serves as one of the workers until the primary says stop, or is gone. @throws where it cannot begin */
export async function runWorker({ channel, load, version, output }: Options): Promise<void> {
  const tell = (message: FromWorker): void => {
    channel.send(message);
  };
  const sign = setInterval(tell, ALIVE_MS, { kind: 'alive' });
  try {
    await untilStopped(channel, (beginning) =>
      openWorker(beginning, { tell, load, version, output }),
    );
  } catch (error) {
    tell({ kind: 'failed', why: messageOf(error) });
    throw error;
  } finally {
    clearInterval(sign);
    channel.close();
  }
}

/** The primary is told that somebody listens: what it would say before, nobody would hear. */
function untilStopped(
  channel: Channel,
  begin: (beginning: Beginning) => Promise<Worker>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let opening: Promise<Worker> | undefined;
    let worker: Worker | undefined;
    let isStopping = false;
    const stop = (isAlone: boolean): void => {
      if (isStopping) return;
      isStopping = true;
      stopOpened(opening, isAlone).then(resolve, reject);
    };
    channel.onGone(() => stop(true));
    channel.onMessage((message, socket) => {
      if (!isToWorker(message)) return;
      if (message.kind === 'stop') stop(false);
      else if (message.kind !== 'begin') worker?.hear(message, socket);
      else {
        opening = begin(message.beginning);
        opening
          .then((opened) => {
            worker = opened;
            return opened.start();
          })
          .catch(reject);
      }
    });
    channel.send({ kind: 'here' } satisfies FromWorker);
  });
}

async function stopOpened(opening: Promise<Worker> | undefined, isAlone: boolean): Promise<void> {
  const worker = await opening;
  await worker?.stop(isAlone);
}
