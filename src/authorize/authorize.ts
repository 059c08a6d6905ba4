import type { Grant } from '../kernel/grants.ts';
import type { Identity } from '../kernel/identity.ts';
import { parentOf } from '../kernel/path.ts';
import { missingDatabasePrivilege, missingPrivilege } from '../kernel/privilege.ts';
import type { Privilege } from '../kernel/privilege.ts';
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
    case 'endpoint':
      return byGrant(
        nearestGrant(identity.grants.api, requirement.resource),
        requirement.privilege,
      );
    case 'database':
      return byGrant(databaseGrant(identity.grants.databases, requirement.database), 'write');
  }
}

/** A grant, and the resource or database that it is on. */
interface Found {
  readonly resource: string;
  readonly grant: Grant;
}

/** The grant on the longest ancestor of a resource. */
function nearestGrant(grants: ReadonlyMap<string, Grant>, resource: string): Found | undefined {
  for (let each = resource; ; each = parentOf(each)) {
    const grant = grants.get(each);
    if (grant !== undefined) return { resource: each, grant };
    if (each === '/') return undefined;
  }
}

const EVERY_DATABASE = '';

function databaseGrant(grants: ReadonlyMap<string, Grant>, database: string): Found | undefined {
  for (const resource of [database, EVERY_DATABASE]) {
    const grant = grants.get(resource);
    if (grant !== undefined) return { resource, grant };
  }
  return undefined;
}

function byGrant(found: Found | undefined, privilege: Privilege): Verdict {
  if (found === undefined) return { allowed: false, because: 'no-grant' };
  return { allowed: found.grant.privileges.has(privilege), because: 'grant', ...found };
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
