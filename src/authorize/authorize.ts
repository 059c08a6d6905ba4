import type { Grant } from '../kernel/grants.ts';
import type { Identity } from '../kernel/identity.ts';
import { parentOf } from '../kernel/path.ts';
import { missingDatabasePrivilege, missingPrivilege } from '../kernel/privilege.ts';
import type { Requirement } from './requirements.ts';

/** Why a requirement is met or not. */
export type Verdict =
  | { readonly allowed: true; readonly because: 'admin' | 'own-record' }
  | {
      readonly allowed: boolean;
      /** The grant that decided: allowed by it, or denied since it stops short. */
      readonly because: 'grant';
      readonly resource: string;
      readonly grant: Grant;
    }
  | { readonly allowed: false; readonly because: 'no-grant' | 'not-admin' };

export type Decision =
  | { readonly allowed: true }
  | {
      readonly allowed: false;
      readonly requirement: Requirement;
      readonly verdict: Verdict;
      /** Kapacitor's words for the 403. */
      readonly message: string;
    };

const ALLOWED: Decision = { allowed: true };

/** Identity × requirements → allowed, or the first privilege that is missing. Pure. */
export function authorize(identity: Identity, requirements: readonly Requirement[]): Decision {
  for (const requirement of requirements) {
    const verdict = judge(identity, requirement);
    if (!verdict.allowed) {
      return { allowed: false, requirement, verdict, message: refusal(identity, requirement) };
    }
  }
  return ALLOWED;
}

/** Judges one requirement: an admin may do all; else the grant on the longest ancestor decides. */
export function judge(identity: Identity, requirement: Requirement): Verdict {
  if (identity.admin) return { allowed: true, because: 'admin' };
  switch (requirement.kind) {
    case 'admin':
      return isOwnRecord(identity, requirement.ownRecordOf)
        ? { allowed: true, because: 'own-record' }
        : { allowed: false, because: 'not-admin' };
    case 'endpoint': {
      for (const resource of ancestorsOf(requirement.resource)) {
        const grant = identity.grants.api.get(resource);
        if (grant !== undefined) {
          const allowed = grant.privileges.has(requirement.privilege);
          return { allowed, because: 'grant', resource, grant };
        }
      }
      return { allowed: false, because: 'no-grant' };
    }
    case 'database': {
      for (const database of [requirement.database, EVERY_DATABASE]) {
        const grant = identity.grants.databases.get(database);
        if (grant !== undefined) {
          const allowed = grant.privileges.has('write');
          return { allowed, because: 'grant', resource: database, grant };
        }
      }
      return { allowed: false, because: 'no-grant' };
    }
  }
}

const EVERY_DATABASE = '';

/** A resource and all above it, nearest first, down to the root. */
export function* ancestorsOf(resource: string): Generator<string> {
  let each = resource;
  for (;;) {
    yield each;
    if (each === '/') return;
    each = parentOf(each);
  }
}

/** A stolen token must not become a permanent password: only Basic may change it. */
function isOwnRecord(identity: Identity, name: string | undefined): boolean {
  return name === identity.name && identity.method === 'basic';
}

function refusal(identity: Identity, requirement: Requirement): string {
  return requirement.kind === 'database'
    ? missingDatabasePrivilege(identity.name, requirement.database)
    : missingPrivilege(identity.name, requirement.privilege, requirement.endpoint);
}
