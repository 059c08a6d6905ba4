import { X509Certificate, createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { messageOf } from '../kernel/errors.ts';

/** The `meta-*` keys of TLS as they stand in the configuration; "" = not set. */
export interface MetaTlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly insecureSkipVerify: boolean;
}

/** How TLS is spoken: PEM, in the words of `node:tls`. */
export interface MetaTls {
  readonly rejectUnauthorized: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

type FileKey = 'meta-ca' | 'meta-cert' | 'meta-key';

const CERTIFICATES = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs;

/**
 * Reads and checks the files: the authority alone, or certificate and key together, or both.
 * @throws a sentence that names the key and the file: missing, unreadable, not PEM, not belonging together
 */
export function readMetaTls({ ca, cert, key, insecureSkipVerify }: MetaTlsFiles): MetaTls {
  if ((cert === '') !== (key === '')) {
    const [there, missing] = cert === '' ? ['meta-key', 'meta-cert'] : ['meta-cert', 'meta-key'];
    throw new Error(`[auth] ${there} is set without ${missing}: set both, or neither`);
  }
  return {
    rejectUnauthorized: !insecureSkipVerify,
    ...(ca === '' ? {} : { ca: readCertificates('meta-ca', ca).pem }),
    ...(cert === '' ? {} : readPair(cert, key)),
  };
}

function readPair(cert: string, key: string): { readonly cert: string; readonly key: string } {
  const { pem, leaf } = readCertificates('meta-cert', cert);
  const privateKey = readPrivateKey(key);
  if (!leaf.checkPrivateKey(privateKey.key)) {
    throw new Error(
      `the private key in [auth] meta-key "${key}" does not belong to the certificate in meta-cert "${cert}"`,
    );
  }
  return { cert: pem, key: privateKey.pem };
}

/** The first certificate is the node's or the gateway's own, those behind it lead to its authority. */
function readCertificates(
  name: FileKey,
  path: string,
): { readonly pem: string; readonly leaf: X509Certificate } {
  const pem = readPem(name, path);
  try {
    const [leaf] = [...pem.matchAll(CERTIFICATES)].map(([each]) => new X509Certificate(each));
    if (leaf !== undefined) return { pem, leaf };
  } catch (cause) {
    throw new Error(
      `[auth] ${name} "${path}" holds a damaged certificate: ${messageOf(cause)}; copy it anew`,
      { cause },
    );
  }
  throw new Error(
    `[auth] ${name} "${path}" holds no certificate in PEM: it must have a line "-----BEGIN CERTIFICATE-----"`,
  );
}

function readPrivateKey(path: string): { readonly pem: string; readonly key: KeyObject } {
  const pem = readPem('meta-key', path);
  if (/ENCRYPTED/.test(pem)) {
    throw new Error(
      `[auth] meta-key "${path}" is encrypted: store it decrypted (openssl pkey -in … -out …), readable for the gateway alone`,
    );
  }
  try {
    return { pem, key: createPrivateKey(pem) };
  } catch {
    // Without the cause: it tells nothing that helps, and stands close to a key.
    throw new Error(
      `[auth] meta-key "${path}" holds no private key in PEM: it must have a line "-----BEGIN PRIVATE KEY-----" or the like`,
    );
  }
}

function readPem(name: FileKey, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Error(
      `cannot read [auth] ${name} "${path}": ${messageOf(cause)}; it must be there and readable for the gateway's user`,
      { cause },
    );
  }
}
