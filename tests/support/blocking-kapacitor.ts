import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { startRecordingUpstream } from './recording-upstream.ts';
import type { RecordingUpstream } from './recording-upstream.ts';

/** A Kapacitor whose log stops all of it, as the real one's does (services/diagnostic: written under its logging path). */
export interface BlockingKapacitor extends Pick<RecordingUpstream, 'port' | 'url' | 'stop'> {
  /** How many read the log. */
  readonly readers: number;
  /** Lines of the log so far. */
  readonly lines: number;
}

export const LOGS = '/kapacitor/v1preview/logs';
/** Long, so that what lies between two processes is soon full. */
export const LINE_BYTES = 64 * 1024;

/** Each request is a line of the log, and is answered once every reader has taken it. */
export async function startBlockingKapacitor(): Promise<BlockingKapacitor> {
  const readers = new Set<ServerResponse>();
  let lines = 0;
  let lastLine: Promise<unknown> = Promise.resolve();
  const write = async (): Promise<void> => {
    const line = `ts=now lvl=info msg="line ${++lines}" `.padEnd(LINE_BYTES - 1, 'x');
    for (const reader of readers) {
      if (reader.write(`${line}\n`)) continue;
      const isOver = new AbortController();
      const { signal } = isOver;
      await Promise.race([once(reader, 'drain', { signal }), once(reader, 'close', { signal })]);
      isOver.abort();
    }
  };
  const upstream = await startRecordingUpstream(async ({ target }, response) => {
    if (target.startsWith(LOGS)) {
      readers.add(response);
      response.once('close', () => readers.delete(response)).flushHeaders();
      return;
    }
    lastLine = lastLine.then(write);
    await lastLine;
    response.writeHead(204).end();
  });
  return {
    port: upstream.port,
    url: upstream.url,
    stop: () => upstream.stop(),
    get readers() {
      return readers.size;
    },
    get lines() {
      return lines;
    },
  };
}
