import { usesMetaNodes, warningsOf } from '../config/config.ts';
import type { Config } from '../config/config.ts';
import { messageOf } from '../kernel/errors.ts';
import { OK, rarely } from '../observe/readiness.ts';
import type { Look, PartState } from '../observe/readiness.ts';
import { probeUpstream } from '../proxy/probe.ts';
import { lackOfRoom } from '../users/room.ts';
import type { Lasting } from './generation.ts';
import type { UserSource } from './user-source.ts';

/** Kapacitor and the meta nodes are asked this rarely, however often we are. */
const ASK_MS = 5_000;
/** Each step of a probe; all of them end before /readyz gives a part up. */
const PROBE_STEP_MS = 2_000;

/** What /readyz looks at of one configuration. @param ca PEM for Kapacitor's certificate */
export function openLooks(
  config: Config,
  users: UserSource,
  { store, now }: Lasting,
  ca: string | undefined,
): Readonly<Record<string, Look>> {
  const { meta } = users;
  return {
    gate: () => gateState(config),
    store: async () => {
      // It reads from the disk, and throws where that fails.
      const { admins } = store.summary();
      if (usesMetaNodes(config)) return OK;
      const lack = await lackOfRoom(config.store.path);
      if (lack !== undefined) return { state: 'warning', detail: lack };
      if (admins > 0) return OK;
      return { state: 'warning', detail: 'no admin yet: kapgate users add NAME --admin' };
    },
    upstream: rarely(() => upstreamState(config, ca), ASK_MS, now),
    ...(meta === undefined ? {} : { meta: rarely(() => metaState(meta), ASK_MS, now) }),
  };
}

function gateState(config: Config): PartState {
  const warnings = warningsOf(config);
  return warnings.length === 0 ? OK : { state: 'warning', detail: warnings.join('; ') };
}

async function upstreamState({ upstream }: Config, ca: string | undefined): Promise<PartState> {
  const { url } = upstream;
  try {
    const { status, version } = await probeUpstream({
      ...upstream,
      connectTimeoutMs: Math.min(upstream.connectTimeoutMs, PROBE_STEP_MS),
      origin: url,
      ca,
    });
    if (status === 401) return fault(`${url} asks for credentials itself`);
    return version === ''
      ? fault(`${url} answers, but not as Kapacitor does (${status})`)
      : { state: 'ok', detail: `Kapacitor ${version}` };
  } catch (error) {
    return fault(`${url} cannot be reached: ${messageOf(error)}`);
  }
}

async function metaState(meta: NonNullable<UserSource['meta']>): Promise<PartState> {
  try {
    await meta.probe();
  } catch (error) {
    return fault(messageOf(error));
  }
  const resting = meta.figures().nodes.filter((node) => node.resting);
  return resting.length === 0
    ? OK
    : {
        state: 'warning',
        detail: `left alone for now: ${resting.map(({ node }) => node).join(', ')}`,
      };
}

function fault(detail: string): PartState {
  return { state: 'fault', detail };
}
