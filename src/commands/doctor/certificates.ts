import { X509Certificate } from 'node:crypto';
import { usesMetaNodes } from '../../config/config.ts';
import type { Config } from '../../config/config.ts';
import { readText } from '../../config/read-text.ts';
import { fault, ok, unseen, warning } from './finding.ts';
import type { Finding } from './finding.ts';
import type { Machine } from './machine.ts';
import type { Patient } from './patient.ts';

const DAY_MS = 86_400_000;
/** Time enough for a new one, where people are asked for it. */
const SOON_DAYS = 30;

interface Named {
  readonly path: string;
  readonly label: string;
  /** Authorities: one of many may have ended without harm. */
  readonly isBundle: boolean;
}

/** Whether the certificates that the gateway shows and checks against are good, and for how long. */
export function certificateFindings({ machine, loaded }: Patient): readonly Finding[] {
  return certificatesOf(loaded.config).flatMap((each) => judgeFile(machine, each));
}

function certificatesOf({ http, auth, upstream }: Config): readonly Named[] {
  const meta = usesMetaNodes({ auth }) && auth.metaUseTls;
  const found = [
    ...(http.httpsEnabled
      ? [
          { path: http.httpsCertificate, label: '[http] https-certificate', isBundle: false },
          { path: http.httpsClientCa, label: '[http] https-client-ca', isBundle: true },
        ]
      : []),
    ...(meta
      ? [
          { path: auth.metaCa, label: '[auth] meta-ca', isBundle: true },
          { path: auth.metaCert, label: '[auth] meta-cert', isBundle: false },
        ]
      : []),
    ...(upstream.url.startsWith('https:')
      ? [{ path: upstream.ca, label: '[upstream] ca', isBundle: true }]
      : []),
  ];
  return found.filter(({ path }) => path !== '');
}

function judgeFile(machine: Machine, { path, label, isBundle }: Named): readonly Finding[] {
  const file = readText(machine.readFile, path);
  if ('refused' in file) {
    return [
      file.missing
        ? fault('certificates', {
            what: `${label}: ${path} is not there`,
            why: 'the gateway does not start, or does not reload',
            fix: 'put the certificate there in PEM, or correct the path',
          })
        : unseen('certificates', `${label}: ${path}: ${file.refused}`, 'run it as root'),
    ];
  }
  const blocks = file.text.match(PEM) ?? [];
  const certificates = blocks.flatMap((block) => parse(block));
  if (certificates.length === 0 || certificates.length < blocks.length) {
    return [
      fault('certificates', {
        what: `${label}: ${path} holds no certificate in PEM that can be read`,
        why: 'the gateway does not start, or does not reload',
        fix: 'a certificate begins with -----BEGIN CERTIFICATE-----',
      }),
    ];
  }
  const judged = certificates.map((each) => judge(each, `${label}: ${path}`, machine.now()));
  const bad = judged.filter(({ result }) => result !== 'ok');
  if (isBundle) return [best(judged)];
  return bad.length === 0 ? judged.slice(0, 1) : bad;
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Of several authorities one is enough. */
function best(judged: readonly Finding[]): Finding {
  const found =
    judged.find(({ result }) => result === 'ok') ??
    judged.find(({ result }) => result === 'warning') ??
    judged[0];
  if (found === undefined) throw new Error('BUG: a bundle without a certificate');
  return found;
}

function parse(pem: string): readonly X509Certificate[] {
  try {
    return [new X509Certificate(pem)];
  } catch {
    return [];
  }
}

function judge(certificate: X509Certificate, label: string, now: number): Finding {
  const from = Date.parse(certificate.validFrom);
  const to = Date.parse(certificate.validTo);
  const subject = certificate.subject.split('\n').at(-1) ?? '';
  const what = `${label} (${subject})`;
  const fix = 'put a new one in its place, then systemctl reload kapgate';
  if (now > to) {
    const why = 'whoever checks it refuses the connection';
    return fault('certificates', { what: `${what} ended on ${dayOf(to)}`, why, fix });
  }
  if (now < from) {
    return fault('certificates', {
      what: `${what} begins only on ${dayOf(from)}`,
      why: 'whoever checks it refuses the connection until then',
      fix: 'see whether the clock is right: timedatectl',
    });
  }
  const days = Math.floor((to - now) / DAY_MS);
  return days < SOON_DAYS
    ? warning('certificates', {
        what: `${what} ends in ${days} day${days === 1 ? '' : 's'}, on ${dayOf(to)}`,
        why: 'from then on whoever checks it refuses the connection',
        fix,
      })
    : ok('certificates', `${what} is good until ${dayOf(to)}`);
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
