import { createConnections } from './connections.ts';
import type { ConnectionOptions } from './connections.ts';

/** What Kapacitor says of itself. */
export interface ProbeResult {
  readonly status: number;
  /** `X-Kapacitor-Version`; "" where there is none. */
  readonly version: string;
}

const PING = '/kapacitor/v1/ping';

/** Asks the upstream for a ping, without credentials. @throws where it cannot be reached */
export async function probeUpstream(
  options: Pick<ConnectionOptions, 'origin' | 'connectTimeoutMs' | 'ca' | 'insecureSkipVerify'>,
): Promise<ProbeResult> {
  const connections = createConnections({
    ...options,
    maxConnections: 1,
    maxWaiting: 1,
    maxWaitMs: 1,
  });
  try {
    const { client } = await connections.take(() => true);
    const response = await client.request({
      method: 'GET',
      path: PING,
      headersTimeout: options.connectTimeoutMs,
      bodyTimeout: options.connectTimeoutMs,
    });
    await response.body.dump();
    const version = response.headers['x-kapacitor-version'];
    return { status: response.statusCode, version: typeof version === 'string' ? version : '' };
  } finally {
    await connections.close();
  }
}
