import { createHmac } from 'node:crypto';

/** What a token is made of. Nothing is checked: bad ones are what tests need. */
export interface TokenParts {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** Undefined: the signature is left empty. */
  readonly secret: string | undefined;
  /** The hash of the signature; by default that of the header's `alg`, and of SHA-512 where that is none. */
  readonly hash?: 'sha256' | 'sha384' | 'sha512';
}

/** A JSON Web Token, made by hand (RFC 7515 compact form). */
export function makeToken({ header, claims, secret, hash }: TokenParts): string {
  const signed = `${encode(header)}.${encode(claims)}`;
  if (secret === undefined) return `${signed}.`;
  const signature = createHmac(hash ?? hashOf(header['alg']), secret).update(signed);
  return `${signed}.${signature.digest('base64url')}`;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function hashOf(algorithm: unknown): string {
  const digits = /(?:256|384|512)$/.exec(String(algorithm))?.[0] ?? '512';
  return `sha${digits}`;
}
