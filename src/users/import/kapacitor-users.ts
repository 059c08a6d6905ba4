import { z } from 'zod';
import type { ImportEntry } from './reading.ts';

const PAGE = z.object({
  users: z.array(
    z.object({
      name: z.string(),
      type: z.enum(['admin', 'normal']),
      permissions: z.array(z.string()),
    }),
  ),
});

/** How Kapacitor names the users that stand for subscription tokens: the rest of such a name is the token. */
const TOKEN_PREFIX = '_sub:';

/**
 * The users of one page of Kapacitor's list of users (GET /kapacitor/v1/users); undefined where it is none. Passwords
 * are not in it. Source: kapacitor services/auth/service.go handleListUsers.
 */
export function readUsersPage(body: unknown, offset: number): readonly ImportEntry[] | undefined {
  const judged = PAGE.safeParse(body);
  if (!judged.success) return undefined;
  return judged.data.users.map(({ name, type, permissions }, index): ImportEntry => {
    const at = offset + index + 1;
    return name.startsWith(TOKEN_PREFIX)
      ? {
          at,
          refused: 'it is a subscription token of Kapacitor, and its name, the token, is not shown',
        }
      : { at, name, admin: type === 'admin', permissions };
  });
}
