import type { Identity } from '../kernel/identity.ts';
import { PRIVILEGES } from '../kernel/privilege.ts';
import type { Privilege } from '../kernel/privilege.ts';
import { judge } from './authorize.ts';
import { grantsOf, readPermission } from './permissions.ts';
import type { Requirement } from './requirements.ts';

export interface Smallest {
  readonly permissions: readonly string[];
  /** What no permission grants: it is for admins only, or a write that names no database. */
  readonly beyond: readonly Requirement[];
}

const ROOT = '/api';
const CONFIG = '/api/config';
const WRITE = '/api/write';
const PING = '/api/ping';
/** Below these, each part is one of its own: much is behind the same word. */
const GROUPS = ['/api/preview', '/api/debug'];

/** The part of the API that a resource belongs to: what permissions are proposed for. `/api/tasks/cpu` → `/api/tasks`. */
export function partOf(resource: string): string {
  const segments = resource.split('/');
  const first = segments.slice(0, 3).join('/');
  return GROUPS.includes(first) ? segments.slice(0, 4).join('/') : first;
}

/**
 * The smallest permissions that meet all requirements: on each part of the API exactly the privileges that are needed
 * there, and each database by its name; of that, as few permissions as do. Where a part can only be granted with all of
 * /api, that is granted, with the privileges needed there, and nothing narrower beside it that it includes.
 * What they allow is asked of `judge` itself. Pure.
 */
export function smallestPermissions(requirements: readonly Requirement[]): Smallest {
  const all = atomsFor(requirements);
  const canMeet = judgeBy(permissionsOf(all));
  const reached = requirements.filter(canMeet);
  const beyond = requirements.filter((each) => !canMeet(each));
  const needed = all.reduce<readonly Atom[]>((kept, atom) => {
    // Only a grant on a database meets what is needed of it.
    if ('database' in atom) return kept;
    const others = kept.filter((each) => each !== atom);
    return reached.every(judgeBy(permissionsOf(others))) ? others : kept;
  }, all);
  return { permissions: permissionsOf(needed), beyond };
}

/** Whether somebody with these permissions, and no admin, meets a requirement. */
export function judgeBy(permissions: readonly string[]): (requirement: Requirement) => boolean {
  const identity: Identity = {
    ...{ name: '', admin: false, method: 'basic' },
    grants: grantsOf(permissions),
  };
  return (requirement) => judge(identity, requirement).allowed;
}

/** The least that can be granted, but that several of one part make one permission. */
type Atom =
  { readonly part: string; readonly privilege: Privilege } | { readonly database: string };

/** What is needed on each part and of each database; those first that others may include. */
function atomsFor(requirements: readonly Requirement[]): readonly Atom[] {
  const atoms = new Map<string, Atom>();
  for (const requirement of requirements) {
    if (requirement.kind === 'database') {
      const { database } = requirement;
      atoms.set(`2 ${database}`, { database });
    }
    if (requirement.kind !== 'endpoint') continue;
    const { privilege, resource } = requirement;
    const own = partOf(resource);
    if (own === WRITE) continue;
    const part = permissionFor(own, PRIVILEGES) === undefined ? ROOT : own;
    atoms.set(`${part === PING ? 0 : 1} ${part} ${privilege}`, { part, privilege });
  }
  return [...atoms].sort(([a], [b]) => (a < b ? -1 : Number(a > b))).map(([, atom]) => atom);
}

function permissionsOf(atoms: readonly Atom[]): readonly string[] {
  const parts = new Map<string, Privilege[]>();
  const writes: string[] = [];
  for (const atom of atoms) {
    if ('database' in atom) writes.push(`write_points:${atom.database}`);
    else parts.set(atom.part, [...(parts.get(atom.part) ?? []), atom.privilege]);
  }
  const others = [...parts].flatMap(([part, privileges]) => permissionFor(part, privileges) ?? []);
  return [...others, ...writes];
}

/** Undefined where there is none for this part alone. */
function permissionFor(part: string, privileges: readonly Privilege[]): string | undefined {
  const listed = PRIVILEGES.filter((each) => privileges.includes(each));
  const list = listed.length === PRIVILEGES.length ? '' : `:${listed.join(',')}`;
  if (part === ROOT) return `api${list}`;
  if (part === CONFIG) return `config_api${list}`;
  const permission = readPermission(`api:${part.slice(ROOT.length)}${list}`);
  if ('refused' in permission || permission.kind !== 'api') return undefined;
  return ROOT + permission.subtree === part ? `api:${part.slice(ROOT.length)}${list}` : undefined;
}
