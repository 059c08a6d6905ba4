import { hash } from 'node:crypto';

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;

/**
 * HMAC-SHA256 (RFC 2104) of texts under one key, in base64. Made of Node's one-shot hash, which allocates nothing but
 * strings: a `createHmac` for each request is a native object for each, and the garbage collector pays for those
 * (a twelfth of the requests per CPU-second: `npm run bench`).
 *
 * @param key ASCII text of exactly 64 characters, the block length of SHA-256
 */
export function createKeyedDigest(key: string): (text: string) => string {
  if (!/^[\x20-\x7e]{64}$/.test(key)) throw new Error('BUG: the key is not 64 ASCII characters');
  // The key is ASCII, and so are both paddings of it: as text they are one byte a character in UTF-8.
  const inner = xored(key, 0x36).toString('latin1');
  const outer = Buffer.concat([xored(key, 0x5c), Buffer.alloc(DIGEST_BYTES)]);
  return (text) => {
    outer.write(hash('sha256', inner + text, 'binary'), BLOCK_BYTES, 'latin1');
    return hash('sha256', outer, 'base64');
  };
}

function xored(key: string, pad: number): Buffer {
  return Buffer.from(Buffer.from(key, 'latin1').map((byte) => byte ^ pad));
}
