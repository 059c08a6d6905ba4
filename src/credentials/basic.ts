import { isUtf8 } from 'node:buffer';
import { Secret } from '../kernel/secret.ts';

interface Basic {
  readonly name: string;
  readonly password: Secret;
}

const SCHEME_AND_SPACE = 'Basic '.length;

/**
 * Reads `Basic BASE64` (RFC 7617): scheme in any case, exactly one space, strict padded base64 of UTF-8,
 * the user name up to the first colon. Undefined where it is anything else.
 */
export function readBasic(authorization: string): Basic | undefined {
  if (authorization.slice(0, SCHEME_AND_SPACE).toLowerCase() !== 'basic ') return undefined;
  const encoded = authorization.slice(SCHEME_AND_SPACE);
  const bytes = Buffer.from(encoded, 'base64');
  // Node's decoder takes anything; what does not encode back to itself was not strict base64.
  if (bytes.toString('base64') !== encoded || !isUtf8(bytes)) return undefined;
  const decoded = bytes.toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon < 0) return undefined;
  return { name: decoded.slice(0, colon), password: new Secret(decoded.slice(colon + 1)) };
}
