/** bcrypt looks at 72 bytes and no further: what is longer would be cut in silence. */
const MAX_PASSWORD_BYTES = 72;

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
