import type { Config } from '../../config/config.ts';
import { messageOf } from '../../kernel/errors.ts';
import { probeUpstream } from '../../proxy/probe.ts';
import { CommandError } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { freePort } from './free-port.ts';
import { startKapacitorStandIn } from './kapacitor-stand-in.ts';
import { findKapacitord, startKapacitord } from './kapacitord.ts';

/** The Kapacitor that a trial is before. */
export interface Upstream {
  readonly url: string;
  /** What it is, in words. */
  readonly name: string;
  stop(): Promise<void>;
}

/** One that runs already, a kapacitord of the trial's own, or where there is none a stand-in. */
export async function openUpstream(
  { env }: Terminal,
  url: string | undefined,
  directory: string,
): Promise<Upstream> {
  if (url !== undefined) {
    return { url, name: 'the Kapacitor of --upstream', stop: () => Promise.resolve() };
  }
  const program = findKapacitord(env);
  if (program === undefined) {
    const name = 'a small stand-in (no kapacitord was found on PATH)';
    return { ...(await startKapacitorStandIn()), name };
  }
  const running = await startKapacitord(program, directory, await freePort());
  return { ...running, name: `a kapacitord (${program})` };
}

/** What the printed lines promise must be there. @throws CommandError */
export async function demandKapacitor({ upstream }: Config): Promise<void> {
  const what = `cannot try it before ${upstream.url}`;
  const probe = await probeUpstream({ ...upstream, origin: upstream.url, ca: undefined }).catch(
    (cause: unknown) => {
      throw new CommandError(`${what}: ${messageOf(cause)}; is Kapacitor running there?`, 1, {
        cause,
      });
    },
  );
  if (probe.status === 401) {
    throw new CommandError(`${what}: it asks for credentials itself ([http] auth-enabled)`);
  }
  if (probe.version === '') throw new CommandError(`${what}: it does not answer as Kapacitor does`);
}
