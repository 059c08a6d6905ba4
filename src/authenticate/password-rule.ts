/** bcrypt looks at 72 bytes and no further: what is longer would be cut in silence. */
const MAX_PASSWORD_BYTES = 72;
/** Where another system stores it, it travels in the target of a request: what is longer would be refused there. */
const MAX_FOREIGN_LENGTH = 1024;

/** Why a password cannot be set, in the client's words; undefined where it can. */
export function judgePassword(password: string): string | undefined {
  if (password === '') return 'password is required';
  if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES) {
    return `password must be at most ${MAX_PASSWORD_BYTES} bytes long in UTF-8`;
  }
  // Other bcrypts end the password there: the hash would fit another one too.
  if (password.includes('\0')) return 'password must not contain the character NUL';
  return undefined;
}

/**
 * Whether a password can be that of a user whose password is not stored as bcrypt: such a one may be longer.
 * An empty one never is: an LDAP server takes it for a login without a name, and says yes (RFC 4513, section 5.1.2).
 * One with NUL never is: pbkdf2 takes NULs at its end for none, as HMAC fills its key up with them.
 */
export function canBePassword(password: string): boolean {
  return password !== '' && !password.includes('\0') && password.length <= MAX_FOREIGN_LENGTH;
}
