import type { Account, Rights } from '../authenticate/directory.ts';
import type { GatewayError } from '../kernel/errors.ts';
import type { Copy } from './copies.ts';
import type { MetaRole, MetaUser } from './documents.ts';
import { rightsOf } from './rights.ts';
import type { MetaRights } from './rights.ts';
import type { RoleTable } from './roles.ts';

interface AccountParts {
  /** Rejects with a GatewayError where no node can say. */
  readonly roles: () => Copy<RoleTable> | Promise<Copy<RoleTable>>;
  /** `[auth] meta-admins`. */
  readonly metaAdmins: readonly string[];
  readonly onUnknown: (permissions: readonly string[], user: string) => void;
  readonly noteStale: () => void;
}

const IN_NO_ROLE: readonly MetaRole[] = [];

/** A user of the meta nodes. Their rights are made once for each table of roles: nearly every request asks for them. */
export class MetaAccount implements Account {
  readonly name: string;
  readonly hash: string;
  readonly outage = undefined;
  readonly #user: MetaUser;
  readonly #parts: AccountParts;
  #made: { readonly from: RoleTable; readonly rights: MetaRights } | undefined;

  constructor(user: MetaUser, parts: AccountParts) {
    this.name = user.name;
    this.hash = user.hash;
    this.#user = user;
    this.#parts = parts;
  }

  rights(): Rights | Promise<Rights> {
    return this.#withRoles((roles) => {
      if (roles.outage !== undefined) this.#parts.noteStale();
      return this.#rightsBy(roles.value);
    });
  }

  /** The same, where nobody can say whether it still stands: that is noted at the login, and once. */
  during(outage: GatewayError): Account {
    const rights = (): Rights | Promise<Rights> =>
      this.#withRoles(({ value }) => this.#rightsBy(value));
    return { name: this.name, hash: this.hash, outage, rights };
  }

  #withRoles(make: (roles: Copy<RoleTable>) => Rights): Rights | Promise<Rights> {
    const roles = this.#parts.roles();
    return roles instanceof Promise ? roles.then(make) : make(roles);
  }

  #rightsBy(roles: RoleTable): Rights {
    if (this.#made?.from === roles) return this.#made.rights;
    const { metaAdmins, onUnknown } = this.#parts;
    const rights = rightsOf(this.#user, roles.get(this.name) ?? IN_NO_ROLE, metaAdmins);
    this.#made = { from: roles, rights };
    if (rights.unknown.length > 0) onUnknown(rights.unknown, this.name);
    return rights;
  }
}
