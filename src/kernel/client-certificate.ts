import type { X509Certificate } from 'node:crypto';

/** Whom a client certificate names, or why it proves nobody. The handshake has shown that its key is there. */
export type CertificateReading =
  | { readonly kind: 'named'; readonly name: string }
  /** `why` is in the client's words. */
  | { readonly kind: 'refused'; readonly why: string };

type Subject = Pick<X509Certificate, 'subjectAltName'> & {
  /** As Node takes it apart: several values of a name are a list. */
  readonly commonName: unknown;
};

/**
 * The name in a certificate whose authority was verified: the CN of its subject; without one, the first DNS name or
 * mail address of its alternative names. What could be read as two names is refused.
 */
export function readClientCertificate({ commonName, subjectAltName }: Subject): CertificateReading {
  if (commonName !== undefined) {
    return typeof commonName === 'string'
      ? named(commonName)
      : refused('its subject has more than one CN');
  }
  const names = alternativeNames(subjectAltName ?? '');
  if (names === undefined) return refused('its alternative names cannot be read in one way only');
  const [first] = names;
  return first === undefined
    ? refused('it names nobody: its subject has no CN, and it has no DNS name or mail address')
    : named(first);
}

/** A certificate that is not accepted, whatever name is in it. @param why without "the client certificate …" */
export function refused(why: string): CertificateReading {
  return { kind: 'refused', why: `the client certificate is not accepted: ${why}` };
}

/** No control character, and nothing that prints as nothing: what an operator sees in a log is the whole name. */
function named(name: string): CertificateReading {
  return name === '' || /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(name)
    ? refused('its name is empty or holds characters that do not print')
    : { kind: 'named', name };
}

/** As Node prints them: `DNS:a.example, email:b@example`; quotes stand only round what could be misread (CVE-2021-44532). */
function alternativeNames(text: string): readonly string[] | undefined {
  if (text.includes('"')) return undefined;
  return text
    .split(', ')
    .map((entry) => /^(?:DNS|email):(.*)$/s.exec(entry)?.[1])
    .filter((name) => name !== undefined);
}
