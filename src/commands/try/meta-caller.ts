import { createHmac, timingSafeEqual } from 'node:crypto';
import type { MetaPasswords } from './meta-password.ts';
import type { MetaState } from './meta-state.ts';

/** Whom a meta node answers: anybody; its own users (Basic); whoever signs with `[meta] internal-shared-secret`. */
export type Demands =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'basic' }
  | { readonly kind: 'shared-secret'; readonly secret: string };

/** Why a caller is refused; undefined: they are not. */
export type Refused = { readonly status: 401 | 403; readonly message: string } | undefined;

interface Caller {
  readonly authorization: string | undefined;
  /** Whether they want to change users or roles. */
  readonly changes: boolean;
}

const UNREADABLE = { status: 401, message: 'unable to parse authentication credentials' } as const;
const FAILED = { status: 401, message: 'authorization failed' } as const;

/** Judges a caller. A change takes the permission CreateUserAndRole. @param now in milliseconds */
export async function refusalOf(
  caller: Caller,
  demands: Demands,
  state: MetaState,
  passwords: MetaPasswords,
  now: number,
): Promise<Refused> {
  switch (demands.kind) {
    case 'nothing':
      return undefined;
    case 'shared-secret':
      return refusalOfToken(caller.authorization, demands.secret, now);
    case 'basic':
      return refusalOfUser(caller, state, passwords);
  }
}

async function refusalOfUser(
  { authorization = '', changes }: Caller,
  { users }: MetaState,
  passwords: MetaPasswords,
): Promise<Refused> {
  const [, encoded] = /^Basic (\S+)$/i.exec(authorization) ?? [];
  if (encoded === undefined) return UNREADABLE;
  const [, name = '', password = ''] =
    /^([^:]*):([^]*)$/.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
  const user = users.get(name);
  if (user === undefined || !(await passwords.isRight(password, user))) return FAILED;
  if (!changes || user.permissions.get('')?.includes('CreateUserAndRole') === true) {
    return undefined;
  }
  return { status: 403, message: `user "${name}" may not change users and roles` };
}

/** HS512, with an empty username, for at most as long as it says itself. */
function refusalOfToken(authorization = '', secret: string, now: number): Refused {
  const [, head = '', claims = '', signature = ''] =
    /^Bearer ([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(authorization) ?? [];
  if (signature === '') return UNREADABLE;
  const wanted = createHmac('sha512', secret).update(`${head}.${claims}`).digest();
  const got = Buffer.from(signature, 'base64url');
  if (got.length !== wanted.length || !timingSafeEqual(got, wanted)) return FAILED;
  const { alg } = decoded(head);
  const { username, exp } = decoded(claims);
  if (alg !== 'HS512' || username !== '' || typeof exp !== 'number') return FAILED;
  return exp * 1000 > now ? undefined : { status: 401, message: 'token is expired' };
}

function decoded(part: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
