import { createHashing } from './authenticate/hashing.ts';
import { createThrottle } from './authenticate/throttle.ts';
import { warningsOf } from './config/config.ts';
import type { Config } from './config/config.ts';
import { messageOf } from './kernel/errors.ts';
import type { Log } from './kernel/log.ts';
import type { Door, DoorPlace } from './listener/doors.ts';
import { createListener } from './listener/server.ts';
import type { Listener } from './listener/server.ts';
import { AuditFile } from './observe/audit-file.ts';
import { createCrowdWarning } from './observe/crowd-warning.ts';
import { Meters } from './observe/meters.ts';
import { openUserStore } from './users/store.ts';
import { openAdmin } from './wiring/admin.ts';
import { createGeneration } from './wiring/generation.ts';
import type { Generation, Lasting, OpenThrottle } from './wiring/generation.ts';
import { openHttps } from './wiring/https.ts';
import type { Https } from './wiring/https.ts';
import { openPlaces } from './wiring/places.ts';
import { createState } from './wiring/state.ts';
import type { ReloadState, State } from './wiring/state.ts';
import { createSuccession } from './wiring/succession.ts';
import type { Prepared } from './wiring/succession.ts';

export interface Gateway extends State {
  /**
   * Resolves with the doors once requests are taken.
   * @param inherited sockets that somebody else opened: each takes the place of the key of its kind
   * @throws where a place cannot be listened on; AdminListenError where it is that of the admin listener
   */
  start(inherited?: readonly DoorPlace[]): Promise<readonly Door[]>;
  /**
   * Builds everything anew from a configuration and puts it in the place of the old, which ends with its last request.
   * Sockets and the user store stay: what their keys say takes effect at the next start (`needsRestart`).
   * Rejects where a part cannot be made; then the old one goes on.
   */
  reload(config: Config): Promise<void>;
  /** The first half of `reload`: nothing is in the place of the old yet. Rejects where a part cannot be made. */
  prepare(config: Config): Promise<Prepared>;
  /** Says what came of a reload, for /readyz: reading the new configuration may have failed before. */
  noteReload(state: ReloadState): void;
  /** Goes on in new files, the old ones having been moved away: for logrotate. */
  reopenFiles(): void;
  /** Lets requests end, for as long as `shutdown-timeout` allows. */
  stop(): Promise<void>;
}

export interface Surroundings {
  /** Of this program. */
  readonly version?: string;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** When the service started, which this process may only be a part of; by default now. */
  readonly startedMs?: number;
  /** How many processes like this one there are; by default 1. */
  readonly workers?: number;
  /** Where failed logins are counted; by default in this process. */
  readonly openThrottle?: OpenThrottle;
}

/**
 * The composition root: Config → parts → a gateway that is not yet listening. Rooms are wired together only here and in
 * wiring/. Rejects where a part cannot be made: the user store, the audit log, the upstream's CA file.
 */
export async function createGateway(config: Config, surroundings: Surroundings): Promise<Gateway> {
  const { log, now, version = '' } = surroundings;
  const lasting: Lasting = {
    ...openLasting(config, surroundings),
    stillAllowed: (exchange) => generations.current().stillAllowed(exchange),
  };
  const { store, auditFile, hashing } = lasting;
  const first = await createGeneration(config, lasting);
  const https = openHttps(config, {
    log,
    now,
    onChange: (settings) => {
      listener.useTls(settings);
    },
  });
  const generations = createSuccession(first, https, (next) => createGeneration(next, lasting));
  const listener = openListener(config, surroundings, https, () => generations.current());
  let isStopping = false;
  let lastReload: ReloadState = { failure: undefined, needsRestart: [] };
  const state = createState({ ...generations, lasting, https, reload: () => lastReload });
  const admin = openAdmin(config, {
    ...state,
    log,
    version,
    isOpen: () => warningsOf(generations.current().config).length > 0,
    reloadFailed: () => lastReload.failure !== undefined,
  });
  return {
    ...state,
    start: async (inherited = []) => {
      await admin?.start();
      return openPlaces(config, inherited, (places) => listener.listen(places));
    },
    prepare: (next) => generations.prepare(next),
    reload: async (next) => {
      const prepared = await generations.prepare(next);
      if (isStopping) await prepared.drop();
      else prepared.commit();
    },
    noteReload: (next) => {
      lastReload = next;
    },
    reopenFiles: () => auditFile?.reopen(),
    stop: async () => {
      isStopping = true;
      https.stop();
      await listener.stop();
      await admin?.stop();
      await generations.stop();
      await store.close();
      await auditFile?.close();
      // A hash that is being made cannot be broken off: nothing waits behind it.
      await hashing.close();
    },
  };
}

function openLasting(
  { auth, audit, store }: Config,
  { log, now, workers = 1, startedMs = now(), openThrottle = createThrottle }: Surroundings,
): Omit<Lasting, 'stillAllowed'> {
  const meters = new Meters();
  return {
    store: openUserStore({ path: store.path, minimumCost: auth.bcryptCost, now }),
    auditFile: audit.file === '' ? undefined : new AuditFile({ path: audit.file, log, now }),
    hashing: createHashing({
      processes: workers,
      onDone: (waitedMs, workedMs) => {
        meters.notePassword(waitedMs, workedMs);
      },
    }),
    meters,
    ended: { meta: undefined },
    log,
    now,
    startedMs,
    openThrottle,
  };
}

function openListener(
  { http, limits }: Config,
  { log, now }: Surroundings,
  https: Https,
  service: () => Generation,
): Listener {
  return createListener({
    ...limits,
    shutdownTimeoutMs: http.shutdownTimeoutMs,
    tls: https.settings,
    now,
    service,
    onCrowded: createCrowdWarning(log, now, limits.maxConnections),
    onServerError: (error) => {
      log.error('a connection could not be taken', { cause: messageOf(error) });
    },
  });
}
