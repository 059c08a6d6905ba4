import bcrypt from 'bcrypt';

/** A real hash at the lowest cost there is. */
export function hashCheaply(password: string): Promise<string> {
  return bcrypt.hash(password, 4);
}

/** What looks like a hash of this cost; no password is known for it. */
export function someHash(cost = 4): string {
  return `$2b$${String(cost).padStart(2, '0')}$${'a'.repeat(53)}`;
}
