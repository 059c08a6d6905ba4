import type { ClientBody } from '../kernel/client-request.ts';
import { GatewayError } from '../kernel/errors.ts';
import { rememberAmong } from '../kernel/header-names.ts';
import { lengthIn } from '../kernel/wire/framing.ts';

interface Head {
  readonly httpVersion: string;
  /** Name and value in turn, as the client sent them. */
  readonly rawHeaders: readonly string[];
  readonly body: Pick<ClientBody, 'length'>;
}

/** The headers that frame a request or say whom it is from: each is looked at, and all but `expect` stand once. */
const checkedName = rememberAmong([
  'authorization',
  'content-length',
  'expect',
  'host',
  'transfer-encoding',
]);
type Checked = Exclude<ReturnType<typeof checkedName>, 'other'>;

/**
 * Refuses what two servers could frame, or attribute, differently (RFC 9112 §3.2, §6, §11.2): of two, some take the
 * first and some the last. Bare line feeds, and blanks where none may be, were refused with the head.
 * @throws GatewayError bad-framing, bad-expectation
 */
export function checkFraming({ httpVersion, rawHeaders, body }: Head): void {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    refuse('only HTTP/1.1 and HTTP/1.0 are spoken here');
  }
  const seen: Checked[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = checkedName(rawHeaders[index] ?? '');
    if (name === 'other') continue;
    checkHeader(name, rawHeaders[index + 1] ?? '', httpVersion);
    if (name === 'expect') continue;
    if (seen.includes(name)) refuse(`the header "${name}" may stand there only once`);
    seen.push(name);
  }
  if (seen.includes('content-length') && seen.includes('transfer-encoding')) {
    refuse('a Content-Length may not stand beside a Transfer-Encoding');
  }
  if (httpVersion === '1.1' && !seen.includes('host')) {
    refuse('HTTP/1.1 demands a "Host" header');
  }
  // The reader of the head has the last word.
  if (body.length === 'unclear') refuse('the end of the body is not clear');
}

/** What Go's server takes for a Host (golang.org/x/net/http/httpguts ValidHostHeader); it is sent on as X-Forwarded-Host. */
const HOST = /^[A-Za-z0-9!$%&'()*+,\-./:;=@[\]_~]*$/;

function checkHeader(name: Checked, value: string, httpVersion: string): void {
  switch (name) {
    case 'authorization':
      return;
    case 'transfer-encoding':
      if (httpVersion === '1.0') refuse('HTTP/1.0 knows no Transfer-Encoding');
      if (value !== 'chunked') refuse('the only Transfer-Encoding taken is "chunked"');
      return;
    case 'content-length':
      if (lengthIn(value) === undefined) refuse('the Content-Length is not a length');
      return;
    case 'host':
      if (!HOST.test(value)) refuse('the "Host" header is not a host');
      return;
    case 'expect':
      // RFC 9110 §10.1.1; from an HTTP/1.0 client it means nothing.
      if (httpVersion === '1.1' && value.toLowerCase() !== '100-continue') {
        throw new GatewayError('bad-expectation');
      }
  }
}

function refuse(message: string): never {
  throw new GatewayError('bad-framing', { message });
}
