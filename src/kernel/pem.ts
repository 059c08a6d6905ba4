import { X509Certificate, createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { messageOf } from './errors.ts';
import { exposureOf } from './exposure.ts';

/** A file that the configuration names: its key with its section, as in "[auth] meta-ca", and the path. */
export interface NamedFile {
  readonly label: string;
  readonly path: string;
}

export interface Certificates {
  /** All of them, without what else the file holds: a key may stand in it too. */
  readonly pem: string;
  /** The first: whose the file is. Those behind it lead to its authority. */
  readonly leaf: X509Certificate;
}

interface PrivateKey {
  readonly pem: string;
  readonly key: KeyObject;
}

const CERTIFICATES = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs;
const PRIVATE_KEY = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?-----END \1PRIVATE KEY-----/s;

/** The certificates of a file. @throws a sentence with key and path: not there, unreadable, none in it, damaged */
export function readCertificates({ label, path }: NamedFile): Certificates {
  const blocks = [...readPem({ label, path }).matchAll(CERTIFICATES)].map(([block]) => block);
  try {
    const [leaf] = blocks.map((block) => new X509Certificate(block));
    if (leaf !== undefined) return { pem: `${blocks.join('\n')}\n`, leaf };
  } catch (cause) {
    throw new Error(
      `${label} "${path}" holds a damaged certificate: ${messageOf(cause)}; copy it anew`,
      { cause },
    );
  }
  throw new Error(
    `${label} "${path}" holds no certificate in PEM: it must have a line "-----BEGIN CERTIFICATE-----"`,
  );
}

/** The private key of a file. @throws a sentence with key and path: not there, unreadable, for everybody, none in it, encrypted */
function readPrivateKey({ label, path }: NamedFile): PrivateKey {
  const text = readPem({ label, path });
  const exposure = exposureOf(path);
  if (exposure !== undefined) {
    throw new Error(
      `${label} "${path}" holds a private key, and ${exposure}: chmod 0640, and the group of the gateway (chgrp kapgate)`,
    );
  }
  if (/ENCRYPTED/.test(text)) {
    throw new Error(
      `${label} "${path}" is encrypted: store it decrypted (openssl pkey -in … -out …), readable for the gateway alone`,
    );
  }
  const [pem = ''] = PRIVATE_KEY.exec(text) ?? [];
  try {
    return { pem, key: createPrivateKey(pem) };
  } catch {
    // Without the cause: it tells nothing that helps, and stands close to a key.
    throw new Error(
      `${label} "${path}" holds no private key in PEM: it must have a line "-----BEGIN PRIVATE KEY-----" or the like`,
    );
  }
}

/** Certificate and key of one holder. @throws as the two above, and where they do not belong together */
export function readPair(
  certificate: NamedFile,
  privateKey: NamedFile,
): Certificates & { readonly key: string } {
  const { pem, leaf } = readCertificates(certificate);
  const { pem: key, key: keyObject } = readPrivateKey(privateKey);
  if (leaf.checkPrivateKey(keyObject)) return { pem, leaf, key };
  throw new Error(
    `the private key in ${privateKey.label} "${privateKey.path}" does not belong to the certificate in ` +
      `${certificate.label.replace(/^\[\w+\] /, '')} "${certificate.path}"`,
  );
}

function readPem({ label, path }: NamedFile): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Error(
      `cannot read ${label} "${path}": ${messageOf(cause)}; it must be there and readable for the gateway's user`,
      { cause },
    );
  }
}
