import type { Config } from '../config/config.ts';
import type { Handler } from '../kernel/exchange.ts';
import { readBody } from '../listener/read-body.ts';
import type { UsersApi } from '../users/api.ts';

/** The users API, of whichever users, behind the limits on its bodies. */
export function usersHandler(api: UsersApi, { limits }: Config): Handler {
  const bodyLimits = { maxBytes: limits.maxUsersBody, timeoutMs: limits.bodyIdleTimeoutMs };
  return (identity, { method, path, query }, exchange) =>
    api.answer(identity, {
      method,
      path,
      query,
      readBody: () => readBody(exchange, bodyLimits),
    });
}
