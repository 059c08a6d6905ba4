import { Connection } from './connection.ts';
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
  const { connectTimeoutMs } = options;
  const connection = new Connection(createDial(options), createDepartures());
  const timer =
    connectTimeoutMs === 0
      ? undefined
      : // To connect, and to answer.
        setTimeout(() => {
          connection.abort(new Error(`no answer within ${2 * connectTimeoutMs} ms`));
        }, 2 * connectTimeoutMs);
  try {
    return await ping(connection);
  } finally {
    clearTimeout(timer);
    connection.close();
  }
}

function ping(connection: Connection): Promise<ProbeResult> {
  const { host } = connection;
  const head = requestHead({ method: METHOD, path: PATH, host, headers: [], length: 0 });
  return new Promise((resolve, reject) => {
    let result: ProbeResult = { status: 0, version: '' };
    connection.send(
      { method: METHOD, head, body: null, isLast: true },
      {
        onConnect: () => undefined,
        onHead: ({ status, headers }) => {
          result = { status, version: versionIn(headers) };
        },
        onData: () => true,
        onComplete: () => {
          resolve(result);
        },
        onFailure: reject,
      },
    );
  });
}

function versionIn(headers: readonly string[]): string {
  const at = headers.findIndex((each, index) => index % 2 === 0 && isVersion(each));
  return at < 0 ? '' : (headers[at + 1] ?? '');
}

function isVersion(name: string): boolean {
  return name.toLowerCase() === 'x-kapacitor-version';
}
