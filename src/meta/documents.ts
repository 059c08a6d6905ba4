/** Scope → names of permissions. The scope `""` is every database; names are as the meta node writes them. */
export type MetaPermissions = ReadonlyMap<string, readonly string[]>;

/** A user as a meta node knows them. */
export interface MetaUser {
  readonly name: string;
  /** bcrypt or pbkdf2, in the meta node's form; "" where the password is kept elsewhere (LDAP). */
  readonly hash: string;
  readonly permissions: MetaPermissions;
}

/** A role: its permissions are those of each user in it, too. */
export interface MetaRole {
  readonly name: string;
  readonly permissions: MetaPermissions;
  readonly users: readonly string[];
}
