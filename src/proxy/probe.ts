import { Connection } from './connection.ts';
import type { Sender } from './crossing.ts';
import { createDepartures } from './departures.ts';
import { createDial } from './dial.ts';
import type { DialOptions } from './dial.ts';
import { requestHead } from './request-head.ts';

/** What Kapacitor says of itself. */
export interface ProbeResult {
  readonly status: number;
  /** `X-Kapacitor-Version`; "" where there is none. */
  readonly version: string;
}

const METHOD = 'GET';
const PATH = '/kapacitor/v1/ping';

/** Asks the upstream for a ping, without credentials. @throws where it cannot be reached, or does not answer in time */
export async function probeUpstream(options: DialOptions): Promise<ProbeResult> {
  const connection = new Connection(createDial(options), createDepartures());
  // To connect, and to answer.
  const timeoutMs = 2 * options.connectTimeoutMs;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      const sender = receiver(resolve, reject);
      const tooLate = (): void => {
        connection.abort(sender, new Error(`no answer within ${timeoutMs} ms`));
      };
      timer = timeoutMs === 0 ? undefined : setTimeout(tooLate, timeoutMs);
      const { host } = connection;
      const head = requestHead({ method: METHOD, path: PATH, host, headers: [], length: 0 });
      connection.send({ method: METHOD, head, body: null, isLast: true }, sender);
    });
  } finally {
    clearTimeout(timer);
    connection.close();
  }
}

function receiver(resolve: (result: ProbeResult) => void, reject: (error: Error) => void): Sender {
  let result: ProbeResult = { status: 0, version: '' };
  return {
    onConnect: () => undefined,
    onHead: ({ status, headers }) => {
      result = { status, version: versionIn(headers) };
    },
    onPause: () => undefined,
    onData: () => true,
    onComplete: () => {
      resolve(result);
    },
    onFailure: reject,
  };
}

function versionIn(headers: readonly string[]): string {
  const at = headers.findIndex((each, index) => index % 2 === 0 && isVersion(each));
  return at < 0 ? '' : (headers[at + 1] ?? '');
}

function isVersion(name: string): boolean {
  return name.toLowerCase() === 'x-kapacitor-version';
}
