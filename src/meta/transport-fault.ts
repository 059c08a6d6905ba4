import { MetaFault } from './fault.ts';
import { TOO_LONG, UPGRADED } from './http.ts';
import type { TransportError } from './http.ts';
import type { Setback } from './reading.ts';

/** What there is to be done about a certificate, by the code of OpenSSL or Node. */
const CERTIFICATE_WORDS: ReadonlyMap<string, string> = new Map([
  ['CERT_HAS_EXPIRED', 'cannot be trusted: its certificate has expired; renew it at the node'],
  ['CERT_NOT_YET_VALID', 'cannot be trusted: its certificate is not valid yet; check the clocks'],
  [
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'cannot be trusted: its certificate is for another host; meta-addr must name the node as the certificate does',
  ],
  [
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'cannot be trusted: its certificate is self-signed; set meta-ca to it',
  ],
  ['CERT_REVOKED', 'cannot be trusted: its certificate is revoked; renew it at the node'],
]);

const UNSIGNED = /^(?:SELF_SIGNED|UNABLE_TO_|CERT_SIGNATURE|CERT_UNTRUSTED|CERT_CHAIN|INVALID_CA)/;
const OTHER_CERTIFICATE = /^(?:CERT_|ERROR_IN_CERT|INVALID_PURPOSE|PATH_LENGTH|HOSTNAME_MISMATCH)/;
/** The node's word on the certificate that it was shown, or not shown. */
const REFUSED_OURS =
  /ALERT_(?:CERTIFICATE|BAD_CERTIFICATE|NO_CERTIFICATE|UNSUPPORTED_CERT|UNKNOWN_CA|HANDSHAKE_FAILURE|ACCESS_DENIED)/;
/** Plain HTTP where TLS was expected. */
const NO_TLS = /^(?:EPROTO|ERR_SSL_(?:WRONG_VERSION|PACKET_LENGTH|HTTP_REQUEST))/;

/** A broken exchange as a fault, in words that say what to do. */
export function transportFault(node: string, error: TransportError): Setback {
  const { code, when } = error;
  const certificate = certificateWords(code);
  if (certificate !== undefined) {
    const fault = new MetaFault('certificate', `meta node ${node} ${certificate} (${code})`);
    return { fault, then: 'elsewhere', blamed: true };
  }
  const lasts = code === TOO_LONG || NO_TLS.test(code);
  return { fault: otherFault(node, code, when), then: lasts ? 'elsewhere' : 'again', blamed: true };
}

function certificateWords(code: string): string | undefined {
  if (REFUSED_OURS.test(code)) {
    return 'does not take the certificate of the gateway: check meta-cert and meta-key, or set them';
  }
  const words = CERTIFICATE_WORDS.get(code);
  if (words !== undefined) return words;
  if (UNSIGNED.test(code))
    return 'cannot be trusted: its certificate is not signed by the authority in meta-ca';
  return OTHER_CERTIFICATE.test(code)
    ? 'cannot be trusted: its certificate is not valid'
    : undefined;
}

function otherFault(node: string, code: string, when: TransportError['when']): MetaFault {
  if (code === TOO_LONG) {
    return new MetaFault('bad-answer', `meta node ${node} answers more than the gateway reads`);
  }
  if (NO_TLS.test(code)) {
    return new MetaFault('bad-answer', `${node} does not speak TLS: check meta-use-tls (${code})`);
  }
  if (code.startsWith('HPE_') || code === UPGRADED) {
    return new MetaFault('bad-answer', `${node} does not speak HTTP: check meta-addr (${code})`);
  }
  return when === 'in the answer'
    ? new MetaFault('bad-answer', `meta node ${node} broke off its answer: ${code}`)
    : new MetaFault('unreachable', `meta node ${node} cannot be reached: ${code}`);
}
