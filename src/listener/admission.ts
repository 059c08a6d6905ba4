import type { Credentials } from '../credentials/credentials.ts';
import type { ClientRequest } from '../kernel/client-request.ts';
import type { Grants } from '../kernel/grants.ts';
import type { Identity } from '../kernel/identity.ts';
import { isPing, isUsersApi } from '../kernel/routes.ts';
import type { Target } from '../kernel/target.ts';

/** Who a request is from that needs no credentials; undefined: it needs some. */
export type Admission = (
  request: ClientRequest,
  target: Target,
  credentials: Credentials,
) => Identity | undefined;

interface AdmissionOptions {
  /** Authentication is off: everything passes but the users API. */
  readonly isOpen: boolean;
  readonly pingAuthEnabled: boolean;
  /** True for the one request that may make the first admin (users/bootstrap.ts). */
  readonly isBootstrap: (request: ClientRequest, target: Target) => boolean;
}

const NO_GRANTS: Grants = { api: new Map(), databases: new Map() };
const ANYBODY: Identity = { name: '', admin: true, grants: NO_GRANTS, method: 'anonymous' };
const FIRST_ADMIN: Identity = { ...ANYBODY, method: 'bootstrap' };

/** The three exceptions to "who are you?", in one place. Everything else is authenticated. */
export function createAdmission(options: AdmissionOptions): Admission {
  return (request, target, credentials) => {
    // Who writes through an open gate is to be known all the same: so that a wrong secret is found before it closes.
    if (target.subscription !== undefined) return undefined;
    if (options.isOpen && !isUsersApi(target)) return ANYBODY;
    if (credentials.kind !== 'none') return undefined;
    if (!options.pingAuthEnabled && isPing(target)) return ANYBODY;
    return options.isBootstrap(request, target) ? FIRST_ADMIN : undefined;
  };
}
