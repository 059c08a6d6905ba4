import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate and its key, as PEM and as files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface CertificateAuthority {
  readonly caFile: string;
  readonly ca: string;
  /** Signs one, by default for 127.0.0.1 and localhost. */
  issue(name: string, options?: IssueOptions): Certificate;
}

interface IssueOptions {
  /** As openssl has it: `DNS:elsewhere.test`. */
  readonly subjectAltName?: string;
  /** As openssl has it: `/O=it/CN=a/CN=b`; by default its name as CN. */
  readonly subject?: string;
  /** `serverAuth`, `clientAuth`; by default nothing is said of it. */
  readonly extendedKeyUsage?: string;
  /** Its time is over. */
  readonly isExpired?: boolean;
}

/** True where openssl is found; else one line says what is left out. */
export function findOpenssl(what: string): boolean {
  const isFound = spawnSync('openssl', ['version']).status === 0;
  if (!isFound) process.stderr.write(`skipped: no openssl (${what})\n`);
  return isFound;
}

/** An authority of its own for one test file, its files below a directory. */
export function createAuthority(dir: string, name = 'ca'): CertificateAuthority {
  const caFile = join(dir, `${name}.pem`);
  const caKey = join(dir, `${name}.key`);
  openssl(
    'req',
    '-x509',
    ...NEW_KEY,
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    caKey,
    '-out',
    caFile,
  );
  return {
    caFile,
    ca: readFileSync(caFile, 'utf8'),
    issue: (subject, options = {}) => {
      const { subjectAltName = 'IP:127.0.0.1,DNS:localhost', isExpired = false } = options;
      const [certFile, keyFile, request] = ['pem', 'key', 'csr'].map((end) =>
        join(dir, `${subject}.${end}`),
      ) as [string, string, string];
      const names = [
        ...(subjectAltName === '' ? [] : ['-addext', `subjectAltName=${subjectAltName}`]),
        ...(options.extendedKeyUsage === undefined
          ? []
          : ['-addext', `extendedKeyUsage=${options.extendedKeyUsage}`]),
      ];
      openssl(
        'req',
        ...NEW_KEY,
        '-subj',
        options.subject ?? `/CN=${subject}`,
        '-utf8',
        ...names,
        '-keyout',
        keyFile,
        '-out',
        request,
      );
      const signer = ['-CA', caFile, '-CAkey', caKey, '-copy_extensions', 'copy'];
      const days = ['-days', isExpired ? '-1' : '2'];
      openssl('x509', '-req', '-in', request, ...signer, ...days, '-out', certFile);
      const [cert, key] = [readFileSync(certFile, 'utf8'), readFileSync(keyFile, 'utf8')];
      return { cert, key, certFile, keyFile };
    },
  };
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

function openssl(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
}
