import { gateIsOpen } from '../config/config.ts';
import type { Config } from '../config/config.ts';
import { createGateway } from '../gateway.ts';
import { messageOf } from '../kernel/errors.ts';
import { createLog } from '../kernel/log.ts';
import type { Log } from '../kernel/log.ts';
import { loadSilently } from './context.ts';
import type { Context } from './context.ts';
import { EXIT } from './terminal.ts';

/** Runs the gateway until it is told to stop. */
export async function serve(context: Context): Promise<number> {
  const { config, file, warnings } = loadSilently(context);
  const log = createLog(config.log);
  log.info('starting', { config: file ?? 'defaults' });
  for (const warning of warnings) log.warn(warning);
  try {
    await run(context, config, log);
    log.info('stopped');
    return EXIT.ok;
  } catch (error) {
    log.error(`cannot go on: ${messageOf(error)}`);
    return EXIT.failed;
  } finally {
    await log.close();
  }
}

async function run({ terminal }: Context, config: Config, log: Log): Promise<void> {
  const gateway = createGateway(config, { log, now: Date.now });
  const told = new Promise<string>((resolve) => {
    terminal.onStop(resolve);
  });
  const openReminder = gateIsOpen(config) ? remindOfOpenGate(log) : undefined;
  try {
    const port = await gateway.start().catch((error: unknown) => {
      throw new Error(listenFailure(config, error), { cause: error });
    });
    const { host } = config.http.bindAddress;
    log.info('listening', { address: `${host}:${port}`, upstream: config.upstream.url });
    log.info('stopping', { signal: await told });
  } finally {
    clearInterval(openReminder);
    await gateway.stop();
  }
}

const HOUR_MS = 60 * 60 * 1000;

function remindOfOpenGate(log: Log): NodeJS.Timeout {
  const remind = (): void => {
    log.warn(
      'THE GATE IS OPEN: [http] auth-enabled and [auth] enabled are both false, every request passes without ' +
        'credentials (but for the users API)',
    );
  };
  remind();
  return setInterval(remind, HOUR_MS);
}

function listenFailure({ http }: Config, error: unknown): string {
  const address = `${http.bindAddress.host}:${http.bindAddress.port}`;
  const reason = messageOf(error);
  const advice = reason.includes('EADDRINUSE')
    ? 'another process has this port. If it is Kapacitor, move it first: bind-address = "127.0.0.1:9192" in [http] of kapacitor.conf'
    : 'choose another [http] bind-address';
  return `cannot listen on ${address}: ${reason}; ${advice}`;
}
