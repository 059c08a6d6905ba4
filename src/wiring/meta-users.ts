import { metaOriginsOf } from '../config/config.ts';
import type { Config } from '../config/config.ts';
import type { Handler } from '../kernel/exchange.ts';
import type { Log } from '../kernel/log.ts';
import type { MetaClient } from '../meta/client.ts';
import { createMetaDirectory } from '../meta/directory.ts';
import type { MetaEvents } from '../meta/directory.ts';
import { keptAt } from '../meta/kept-at.ts';
import type { MetaNodeState } from '../meta/node.ts';
import { createShownUsers } from '../meta/shown-users.ts';
import { createRemoteUsersApi } from '../users/remote-api.ts';
import type { Lasting } from './generation.ts';
import { openMetaClient } from './meta-client.ts';
import type { UserSource } from './user-source.ts';
import { usersHandler } from './users-handler.ts';

/** The users of InfluxDB Enterprise: nobody is made here, and there is no first admin. @throws as openMetaClient */
export function openMetaUsers(config: Config, { log, now }: Lasting): UserSource {
  const { auth } = config;
  const client = openMetaClient(config, { now, onNodeChange: (node) => tellNode(log, node) });
  const directory = createMetaDirectory({
    client,
    cacheExpirationMs: auth.cacheExpirationMs,
    staleMs: auth.metaStaleMs,
    metaAdmins: auth.metaAdmins,
    events: tellingEvents(log),
    now,
  });
  return {
    directory,
    meta: {
      figures: () => ({ ...directory.counts(), nodes: client.nodes() }),
      probe: () => directory.probe(),
    },
    api: openUsersApi(config, client),
    isBootstrap: () => false,
    advice: () => undefined,
    close: () => {
      client.close();
    },
  };
}

function openUsersApi(config: Config, client: MetaClient): Handler {
  const { auth } = config;
  const api = createRemoteUsersApi({
    users: createShownUsers({ client, metaAdmins: auth.metaAdmins }),
    keptAt: keptAt(metaOriginsOf(config)),
  });
  return usersHandler(api, config);
}

function tellingEvents(log: Log): MetaEvents {
  return {
    outage: {
      began: (fault) => {
        log.error('the meta nodes cannot say who users are', { cause: fault.message });
      },
      ended: ({ lastedMs, wentOn }) => {
        log.warn('the meta nodes answer again', { lasted_ms: lastedMs, went_on: wentOn });
      },
    },
    rolesRefused: (fault) => {
      log.warn('roles cannot be read: users have their own permissions only', {
        cause: fault.message,
      });
    },
    unknownPermission: (permission, user) => {
      log.warn('a permission that is not known grants nothing', { permission, user });
    },
  };
}

function tellNode(log: Log, { node, resting, lastFault }: MetaNodeState): void {
  if (resting)
    log.warn('a meta node is left alone for a while', { node, cause: lastFault?.message });
  else log.info('a meta node answers again', { node });
}
