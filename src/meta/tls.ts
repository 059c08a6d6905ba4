import { readCertificates, readPair } from '../kernel/pem.ts';

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
    ...(ca === '' ? {} : { ca: readCertificates({ label: '[auth] meta-ca', path: ca }).pem }),
    ...(cert === '' ? {} : readOwn(cert, key)),
  };
}

function readOwn(cert: string, key: string): { readonly cert: string; readonly key: string } {
  const pair = readPair(
    { label: '[auth] meta-cert', path: cert },
    { label: '[auth] meta-key', path: key },
  );
  return { cert: pair.pem, key: pair.key };
}
