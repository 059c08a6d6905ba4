import { Copies } from './copies.ts';
import type { Copy } from './copies.ts';
import type { MetaRole } from './documents.ts';
import { MetaFault } from './fault.ts';

/** User name → the roles that the user is in. */
export type RoleTable = ReadonlyMap<string, readonly MetaRole[]>;

export interface Roles {
  /** Without a promise where nobody need be asked. Rejects with a MetaFault. */
  table(): Copy<RoleTable> | Promise<Copy<RoleTable>>;
  forget(): void;
}

interface RolesOptions {
  readonly ask: () => Promise<readonly MetaRole[]>;
  readonly freshMs: number;
  /** How much longer the table counts in an outage. */
  readonly staleMs: number;
  /** Told once that the nodes do not let the gateway read roles: users then have their own permissions only. */
  readonly onRefused: (fault: MetaFault) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const NO_ROLES: RoleTable = new Map();
/** There is one table, and it is kept as one. */
const ALL = 'roles';

/** All roles, asked for at once, and looked up by their members. */
export function createRoles(options: RolesOptions): Roles {
  const { ask, onRefused } = options;
  let isToldOfRefusal = false;

  const readTable = async (): Promise<RoleTable> => {
    try {
      const table = byMember(await ask());
      isToldOfRefusal = false;
      return table;
    } catch (thrown) {
      // Roles that could be read a while ago are not given up for it: those who write by one would lose their points.
      const before = copies.peek(ALL)?.value ?? NO_ROLES;
      if (!isRefusal(thrown) || before !== NO_ROLES) throw thrown;
      if (!isToldOfRefusal) onRefused(thrown);
      isToldOfRefusal = true;
      return NO_ROLES;
    }
  };
  const copies = new Copies<RoleTable>({ ...options, ask: readTable, maxEntries: 2 });

  return {
    table: () => {
      const found = copies.find(ALL);
      return found instanceof Promise ? found.then(present) : present(found);
    },
    forget: () => {
      copies.forget();
    },
  };
}

/** Whether the nodes do answer, but not to the gateway's own user. */
export function isRefusal(thrown: unknown): thrown is MetaFault {
  return (
    thrown instanceof MetaFault && (thrown.kind === 'credentials' || thrown.kind === 'forbidden')
  );
}

/** Looks roles up by the users whom they list. */
export function byMember(roles: readonly MetaRole[]): RoleTable {
  const table = new Map<string, MetaRole[]>();
  for (const role of roles) {
    for (const user of new Set(role.users)) {
      const held = table.get(user);
      if (held === undefined) table.set(user, [role]);
      else held.push(role);
    }
  }
  return table;
}

function present<T>(found: T | undefined): T {
  if (found === undefined) throw new Error('BUG: there is always a table of roles');
  return found;
}
