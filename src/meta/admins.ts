const ROLE = 'role:';

/** The first entry of `meta-admins` that makes a user an admin: their name, or `role:NAME`; undefined: none does. */
export function adminEntryFor(
  name: string,
  roleNames: readonly string[],
  metaAdmins: readonly string[],
): string | undefined {
  return metaAdmins.find((entry) =>
    entry.startsWith(ROLE) ? roleNames.includes(entry.slice(ROLE.length)) : entry === name,
  );
}
