import { createHashing } from './authenticate/hashing.ts';
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
import type { ReloadState } from './wiring/admin.ts';
import { createGeneration } from './wiring/generation.ts';
import type { Generation, Lasting } from './wiring/generation.ts';
import { openHttps } from './wiring/https.ts';
import type { Https } from './wiring/https.ts';

export interface Gateway {
  /**
   * Resolves with the doors once requests are taken.
   * @param inherited sockets that somebody else opened: each takes the place of the key of its kind
   * @throws where a place cannot be listened on; AdminListenError where it is that of the admin listener
   */
  start(inherited?: readonly DoorPlace[]): Promise<readonly Door[]>;
  /**
   * Builds everything anew from a configuration and puts it in the place of the old, which ends with its last request.
   * Sockets and the user store stay: what their keys say takes effect at the next start (`needsRestart`).
   * @throws where a part cannot be made; then the old one goes on
   */
  reload(config: Config): void;
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
}

/**
 * The composition root: Config → parts → a gateway that is not yet listening. Rooms are wired together only here and in
 * wiring/.
 * @throws where a part cannot be made: the user store, the audit log, the upstream's CA file
 */
export function createGateway(config: Config, surroundings: Surroundings): Gateway {
  const { log, now, version = '' } = surroundings;
  const lasting: Lasting = {
    ...openLasting(config, surroundings),
    stillAllowed: (exchange) => current.stillAllowed(exchange),
  };
  const { store, auditFile, hashing } = lasting;
  const retiring = new Set<Generation>();
  let isStopping = false;
  let current = createGeneration(config, lasting);
  const https = openHttps(config, {
    log,
    now,
    onChange: (settings) => {
      listener.useTls(settings);
    },
  });
  const listener = openListener(config, surroundings, https, () => current);
  let lastReload: ReloadState = { failure: undefined, needsRestart: [] };
  const admin = openAdmin(config, {
    lasting,
    version,
    https,
    current: () => current,
    retiring: () => [...retiring],
    reload: () => lastReload,
  });
  return {
    start: async (inherited = []) => {
      await admin?.start();
      const given = await listener.listen(inherited);
      const kinds = given.map(({ kind }) => kind);
      return listener.listen(placesIn(config).filter(({ kind }) => !kinds.includes(kind)));
    },
    reload: (next) => {
      if (isStopping) return;
      const nextHttps = https.prepare(next);
      const generation = createGeneration(next, lasting);
      nextHttps.commit();
      const old = current;
      current = generation;
      retiring.add(old);
      void old.retire().finally(() => retiring.delete(old));
    },
    noteReload: (state) => {
      lastReload = state;
    },
    reopenFiles: () => auditFile?.reopen(),
    stop: async () => {
      isStopping = true;
      https.stop();
      await listener.stop();
      await admin?.stop();
      await Promise.all([current, ...retiring].map((each) => each.stop()));
      await store.close();
      await auditFile?.close();
      // A hash that is being made cannot be broken off: nothing waits behind it.
      await hashing.close();
    },
  };
}

function openLasting(
  { auth, audit, store }: Config,
  { log, now }: Surroundings,
): Omit<Lasting, 'stillAllowed'> {
  const meters = new Meters();
  return {
    store: openUserStore({ path: store.path, minimumCost: auth.bcryptCost, now }),
    auditFile: audit.file === '' ? undefined : new AuditFile({ path: audit.file, log, now }),
    hashing: createHashing({
      onDone: (waitedMs, workedMs) => {
        meters.notePassword(waitedMs, workedMs);
      },
    }),
    meters,
    ended: { meta: undefined },
    log,
    now,
    startedMs: now(),
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

function placesIn({ http }: Config): readonly (DoorPlace & Pick<Door, 'kind'>)[] {
  const { bindAddress, unixSocket } = http;
  return [
    { kind: 'tcp', ...bindAddress },
    ...(unixSocket === '' ? [] : [{ kind: 'unix' as const, path: unixSocket }]),
  ];
}
