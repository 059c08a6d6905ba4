import type { Passwords } from '../authenticate/password.ts';
import type { Config } from '../config/config.ts';
import type { Handler } from '../kernel/exchange.ts';
import { Secret } from '../kernel/secret.ts';
import type { Audit } from '../observe/audit.ts';
import { createUsersApi } from '../users/api.ts';
import { createFirstAdmin } from '../users/first-admin.ts';
import type { FirstAdmin } from '../users/first-admin.ts';
import type { Lasting } from './generation.ts';
import type { UserSource } from './user-source.ts';
import { usersHandler } from './users-handler.ts';

/** The users of the local store. */
export function openLocalUsers(
  config: Config,
  passwords: Passwords,
  lasting: Lasting,
  audit: Audit | undefined,
): UserSource {
  return {
    ...openFirstAdmin(config, lasting),
    directory: lasting.store,
    api: openUsersApi(config, passwords, lasting, audit),
    close: () => undefined,
  };
}

function openFirstAdmin(config: Config, { store, log, now, startedMs }: Lasting): FirstAdmin {
  const { http, auth } = config;
  return createFirstAdmin({
    everHadAdmin: () => store.everHadAdmin(),
    isEnabled: auth.bootstrap,
    trustedProxies: http.trustedProxies.length,
    port: http.bindAddress.port,
    startedMs,
    log,
    now,
  });
}

function openUsersApi(
  config: Config,
  passwords: Passwords,
  { store, log }: Lasting,
  audit: Audit | undefined,
): Handler {
  const api = createUsersApi({
    store,
    hashPassword: (password) => passwords.hash(new Secret(password)),
    onChange: ({ actor, method, action, user, details }) => {
      log.info('users changed', { action, user, by: actor === '' ? '-' : actor, auth: method });
      const change = { event: 'users changed', action, name: user, ...details } as const;
      audit?.noteChange(change, { user: actor, auth: method });
    },
  });
  return usersHandler(api, config);
}
