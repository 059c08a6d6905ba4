import { createSecureContext } from 'node:tls';
import { messageOf } from '../kernel/errors.ts';
import { readCertificates, readPair } from '../kernel/pem.ts';
import type { Certificates } from '../kernel/pem.ts';
import type { TlsSettings } from './tls.ts';

/** The `https-*` keys as they stand in the configuration; "" = not set. */
export interface HttpsFiles {
  readonly certificate: string;
  /** "" = in the file of the certificate, as Kapacitor has it. */
  readonly privateKey: string;
  readonly clientCa: string;
  readonly clientAuth: 'optional' | 'require';
}

export interface HttpsReading {
  readonly settings: TlsSettings;
  /** Whose it is and until when, for the log. */
  readonly shown: { readonly subject: string; readonly until: string };
  /** A sentence where the certificate is not good now: who checks it refuses the connection. */
  readonly warning: string | undefined;
}

const CERTIFICATE = '[http] https-certificate';

/**
 * Reads and checks the files that TLS to clients needs.
 * @throws a sentence that names key and file: missing, unreadable, not PEM, not belonging together, refused by OpenSSL
 */
export function readHttpsFiles(files: HttpsFiles, nowMs: number): HttpsReading {
  const { certificate, privateKey, clientCa, clientAuth } = files;
  const named = { label: CERTIFICATE, path: certificate };
  const { pem, leaf, key } = readPair(
    named,
    privateKey === '' ? named : { label: '[http] https-private-key', path: privateKey },
  );
  const ca =
    clientCa === ''
      ? undefined
      : readCertificates({ label: '[http] https-client-ca', path: clientCa }).pem;
  try {
    createSecureContext({ cert: pem, key, ca });
  } catch (cause) {
    throw new Error(`OpenSSL does not take ${CERTIFICATE} "${certificate}": ${messageOf(cause)}`, {
      cause,
    });
  }
  return {
    settings: { cert: pem, key, clientCa: ca, clientAuth },
    shown: { subject: leaf.subject.replaceAll('\n', ', '), until: leaf.validTo },
    warning: warningOf(leaf, certificate, nowMs),
  };
}

/** The files that were read, each once. */
export function pathsOf({ certificate, privateKey, clientCa }: HttpsFiles): readonly string[] {
  return [certificate, privateKey, clientCa].filter((path) => path !== '');
}

function warningOf(leaf: Certificates['leaf'], path: string, nowMs: number): string | undefined {
  const because = 'clients that check it refuse the connection';
  if (nowMs > Date.parse(leaf.validTo)) {
    return `${CERTIFICATE} "${path}" ended on ${leaf.validTo}: ${because}. Renew it`;
  }
  if (nowMs < Date.parse(leaf.validFrom)) {
    return `${CERTIFICATE} "${path}" begins only on ${leaf.validFrom}: ${because}. Is the clock right?`;
  }
  return undefined;
}
