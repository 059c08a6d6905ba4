import type { Config } from './config/config.ts';
import { messageOf } from './kernel/errors.ts';
import type { Exchange } from './kernel/exchange.ts';
import type { Log } from './kernel/log.ts';
import type { Door, DoorPlace } from './listener/doors.ts';
import { createListener } from './listener/server.ts';
import { AuditFile } from './observe/audit-file.ts';
import { createCrowdWarning } from './observe/crowd-warning.ts';
import { openUserStore } from './users/store.ts';
import { createGeneration } from './wiring/generation.ts';
import type { Generation } from './wiring/generation.ts';
import { openHttps } from './wiring/https.ts';

export interface Gateway {
  /**
   * Resolves with the doors once requests are taken.
   * @param inherited sockets that somebody else opened: each takes the place of the key of its kind
   * @throws where a place cannot be listened on
   */
  start(inherited?: readonly DoorPlace[]): Promise<readonly Door[]>;
  /**
   * Builds everything anew from a configuration and puts it in the place of the old, which ends with its last request.
   * Sockets and the user store stay: what their keys say takes effect at the next start (`needsRestart`).
   * @throws where a part cannot be made; then the old one goes on
   */
  reload(config: Config): void;
  /** Goes on in new files, the old ones having been moved away: for logrotate. */
  reopenFiles(): void;
  /** Lets requests end, for as long as `shutdown-timeout` allows. */
  stop(): Promise<void>;
}

export interface Surroundings {
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * The composition root: Config → parts → a gateway that is not yet listening. Rooms are wired together only here and in
 * wiring/.
 * @throws where a part cannot be made: the user store, the audit log, the upstream's CA file
 */
export function createGateway(config: Config, { log, now }: Surroundings): Gateway {
  const { http, limits, auth, audit } = config;
  const store = openUserStore({ path: config.store.path, minimumCost: auth.bcryptCost, now });
  const auditFile = audit.file === '' ? undefined : new AuditFile({ path: audit.file, log, now });
  const lasting = {
    ...{ store, auditFile, log, now, startedMs: now() },
    stillAllowed: (exchange: Exchange) => current.stillAllowed(exchange),
  };
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
  const listener = createListener({
    ...limits,
    shutdownTimeoutMs: http.shutdownTimeoutMs,
    tls: https.settings,
    now,
    service: () => current,
    onCrowded: createCrowdWarning(log, now, limits.maxConnections),
    onServerError: (error) => {
      log.error('a connection could not be taken', { cause: messageOf(error) });
    },
  });
  return {
    start: async (inherited = []) => {
      const given = await listener.listen(inherited);
      const kinds = given.map(({ kind }) => kind);
      return listener.listen(placesIn(config).filter(({ kind }) => !kinds.includes(kind)));
    },
    reload: (next) => {
      if (isStopping) return;
      const old = current;
      const nextHttps = https.prepare(next);
      current = createGeneration(next, lasting);
      nextHttps.commit();
      retiring.add(old);
      void old.retire().finally(() => retiring.delete(old));
    },
    reopenFiles: () => auditFile?.reopen(),
    stop: async () => {
      isStopping = true;
      https.stop();
      await listener.stop();
      await Promise.all([current, ...retiring].map((each) => each.stop()));
      await store.close();
      await auditFile?.close();
    },
  };
}

function placesIn({ http }: Config): readonly (DoorPlace & Pick<Door, 'kind'>)[] {
  const { bindAddress, unixSocket } = http;
  return [
    { kind: 'tcp', ...bindAddress },
    ...(unixSocket === '' ? [] : [{ kind: 'unix' as const, path: unixSocket }]),
  ];
}
