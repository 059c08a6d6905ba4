import { randomUUID } from 'node:crypto';
import { call } from './api.ts';
import { eventually } from './eventually.ts';

/** A gateway process, whose log arrives later than the answers that it tells of. */
export interface Logging {
  readonly log: string;
}

/** Waits until the log says it. @throws with the log, where it does not */
export async function untilLogged(gateway: Logging, said: string | RegExp): Promise<void> {
  const isSaid = (): boolean =>
    typeof said === 'string' ? gateway.log.includes(said) : said.test(gateway.log);
  await eventually(`the log says ${said}`, isSaid).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${gateway.log}`, { cause: error });
  });
}

/**
 * The log, with all that there is to say of what was answered before: a request of ours is logged behind it. For what
 * must not be in it. Of one process only, whose log has access lines and goes to standard error.
 */
export async function logSoFar(gateway: Logging & { readonly port: number }): Promise<string> {
  const mark = `/logged/${randomUUID()}`;
  await call(gateway.port, 'OPTIONS', mark);
  await untilLogged(gateway, mark);
  return gateway.log;
}
