import { createMetaClient } from '../../src/meta/client.ts';
import type { MetaClientOptions, MetaNodesClient } from '../../src/meta/client.ts';
import { MetaFault } from '../../src/meta/fault.ts';
import type { MetaFaultKind } from '../../src/meta/fault.ts';
import { Secret } from '../../src/kernel/secret.ts';

/** A client with what most tests want: no user of its own, no TLS. */
export function openClient(
  addresses: readonly string[],
  options: Partial<MetaClientOptions> = {},
): MetaNodesClient {
  return createMetaClient({
    addresses,
    tls: undefined,
    username: '',
    password: new Secret(''),
    signToken: undefined,
    timeoutMs: 20_000,
    now: Date.now,
    onNodeChange: () => undefined,
    ...options,
  });
}

/** The fault that a call ends with. @throws where it ends otherwise */
export async function faultOf(call: Promise<unknown>): Promise<MetaFault> {
  let value: unknown;
  try {
    value = await call;
  } catch (error) {
    if (error instanceof MetaFault) return error;
    throw error;
  }
  throw new Error(`no fault, but ${JSON.stringify(value)}`);
}

/** Its kind alone. */
export async function kindOf(call: Promise<unknown>): Promise<MetaFaultKind> {
  return (await faultOf(call)).kind;
}
