import { createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { decodeProtectedHeader } from 'jose/decode/protected_header';
import * as errors from 'jose/errors';
import { SignJWT } from 'jose/jwt/sign';
import { jwtVerify } from 'jose/jwt/verify';
import type { JWTPayload } from 'jose';
import type { Secret } from '../kernel/secret.ts';
import type { TokenReading } from './token.ts';

/** The last one that a date can hold: an expiry behind it is none, and Go reads it as one long past. */
const LAST_SECOND = 8.64e12;

const ALGORITHMS = ['HS256', 'HS384', 'HS512'];

/**
 * Reads a token (RFC 7519) that is to be signed with this key.
 * Source of the words: kapacitor services/httpd/handler.go authenticate, and its JWT library.
 */
export async function readToken(
  token: string,
  key: KeyObject,
  nowMs: number,
): Promise<TokenReading> {
  const unsigned = refusedAlgorithm(token);
  if (unsigned !== undefined) return { refused: `invalid token: ${unsigned}` };
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: ALGORITHMS,
      currentDate: new Date(nowMs),
    });
    return readClaims(payload, nowMs);
  } catch (error) {
    if (error instanceof errors.JOSEError) return { refused: `invalid token: ${wordsFor(error)}` };
    throw error;
  }
}

/** Signs a token for a user (`kapgate token`). @param lifetimeMs from now on */
export async function signToken(
  sharedSecret: Secret,
  name: string,
  nowMs: number,
  lifetimeMs: number,
): Promise<string> {
  const claims = { username: name, iat: secondsIn(nowMs) };
  return sign(claims, sharedSecret, nowMs + lifetimeMs);
}

/**
 * Signs a token by which the gateway itself asks meta nodes: for no user, and without a time of issue, which a node
 * whose clock is behind would take for one of the future.
 * Source: kapacitor services/auth/meta/client.go setAuth.
 * @param lifetimeMs from now on
 */
export async function signMetaToken(
  internalSharedSecret: Secret,
  nowMs: number,
  lifetimeMs: number,
): Promise<string> {
  return sign({ username: '' }, internalSharedSecret, nowMs + lifetimeMs);
}

async function sign(claims: JWTPayload, secret: Secret, expiryMs: number): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS512', typ: 'JWT' })
    .setExpirationTime(secondsIn(expiryMs))
    .sign(createSecretKey(secret.reveal(), 'utf8'));
}

function secondsIn(ms: number): number {
  return Math.floor(ms / 1000);
}

function readClaims(payload: JWTPayload, nowMs: number): TokenReading {
  if (payload.exp === undefined || payload.exp > LAST_SECOND) {
    return { refused: 'token expiration required' };
  }
  if (payload.iat !== undefined && payload.iat * 1000 > nowMs) {
    return { refused: 'invalid token: Token used before issued' };
  }
  const name = payload['username'];
  if (typeof name !== 'string') return { refused: 'username in token must be a string' };
  return name === '' ? { refused: 'token must contain a username' } : { name };
}

/** Why the header alone refuses the token: not three parts, or an algorithm that is not HMAC. */
function refusedAlgorithm(token: string): string | undefined {
  if (token.split('.').length !== 3) return 'token contains an invalid number of segments';
  let algorithm: unknown;
  try {
    algorithm = decodeProtectedHeader(token).alg;
  } catch {
    return 'token is malformed';
  }
  if (typeof algorithm !== 'string') return 'signing method (alg) is unspecified.';
  if (ALGORITHMS.includes(algorithm)) return undefined;
  return /^(?:none|[REP]S(?:256|384|512)|EdDSA)$/.test(algorithm)
    ? `unexpected signing method: ${algorithm}`
    : 'signing method (alg) is unavailable.';
}

function wordsFor(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'Token is expired';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature is invalid';
  if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'nbf') {
    return 'Token is not valid yet';
  }
  return 'token is malformed';
}
