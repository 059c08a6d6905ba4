import { as } from './open-gateway.ts';

/** A request that two servers may read in two ways. */
export interface Smuggled {
  readonly name: string;
  readonly bytes: string;
  /** Of the one answer. */
  readonly status: number;
  /** How many requests reach the upstream. */
  readonly upstream: number;
}

/** What stands in a body, and would be a request behind it. */
export const SECOND = 'DELETE /kapacitor/v1/tasks/smuggled HTTP/1.1\r\nHost: x\r\n\r\n';

/** The head of a request. */
export function head(line: string, ...headers: readonly string[]): string {
  return `${[line, ...headers].join('\r\n')}\r\n\r\n`;
}

const GET = 'GET /kapacitor/v1/tasks HTTP/1.1';
const POST = 'POST /kapacitor/v1/tasks HTTP/1.1';

/** What can be framed or attributed in two ways. */
export function refusedForms(): readonly Smuggled[] {
  const forms: Smuggled[] = [];
  const refuses = (name: string, bytes: string, status = 400): void => {
    forms.push({ name, bytes, status, upstream: 0 });
  };
  const admin = as('admin');

  refuses('two Authorization', head(GET, 'Host: x', as('ann'), admin));
  refuses('two Authorization in two cases', head(GET, 'Host: x', admin, admin.toUpperCase()));
  refuses('two Host', head(GET, 'Host: x', 'Host: y', admin));
  refuses('no Host', head(GET, admin));
  refuses(
    'two Content-Length that agree',
    `${head(POST, 'Host: x', admin, 'Content-Length: 2', 'Content-Length: 2')}{}`,
  );
  refuses(
    'two Content-Length that differ',
    `${head(POST, 'Host: x', admin, 'Content-Length: 2', 'Content-Length: 0')}{}`,
  );
  refuses('a list of lengths', `${head(POST, 'Host: x', admin, 'Content-Length: 2, 2')}{}`);
  refuses('an empty length', head(POST, 'Host: x', admin, 'Content-Length:'));
  refuses('a signed length', `${head(POST, 'Host: x', admin, 'Content-Length: +2')}{}`);
  refuses('a length in hex', `${head(POST, 'Host: x', admin, 'Content-Length: 0x2')}{}`);
  refuses('a length past 2^53', head(POST, 'Host: x', admin, 'Content-Length: 9007199254740993'));
  refuses(
    'a length past 2^64',
    head(POST, 'Host: x', admin, 'Content-Length: 18446744073709551618'),
  );
  refuses(
    'Content-Length beside Transfer-Encoding',
    `${head(POST, 'Host: x', admin, 'Content-Length: 4', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
  );
  refuses(
    'Transfer-Encoding beside Content-Length',
    `${head(POST, 'Host: x', admin, 'Transfer-Encoding: chunked', 'Content-Length: 4')}0\r\n\r\n`,
  );
  for (const coding of ['gzip, chunked', 'chunked, chunked', 'xchunked', 'Chunked', 'identity']) {
    refuses(
      `Transfer-Encoding: ${JSON.stringify(coding)}`,
      `${head(POST, 'Host: x', admin, `Transfer-Encoding: ${coding}`)}0\r\n\r\n`,
    );
  }
  refuses('an empty Transfer-Encoding', head(POST, 'Host: x', admin, 'Transfer-Encoding:'));
  refuses(
    'two Transfer-Encoding',
    `${head(POST, 'Host: x', admin, 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity')}0\r\n\r\n`,
  );
  refuses(
    'Transfer-Encoding under HTTP/1.0',
    `${head('POST /kapacitor/v1/tasks HTTP/1.0', 'Host: x', admin, 'Transfer-Encoding: chunked')}0\r\n\r\n`,
  );
  refuses('a folded header', head(GET, 'Host: x', 'X-A: a', ' b', admin));
  refuses('a space before the colon', `${head(POST, 'Host: x', admin, 'Content-Length : 2')}{}`);
  refuses('a tab before the colon', head(GET, 'Host: x', 'X-A\t: a', admin));
  refuses('a header without a colon', head(GET, 'Host: x', 'nothing', admin));
  refuses('a space before the first header', head(GET, ' Host: x', admin));
  refuses('a bare LF between headers', `${GET}\r\nHost: x\nX-A: b\r\n${admin}\r\n\r\n`);
  refuses('a bare CR in a header', `${GET}\r\nHost: x\r\nX-A: b\rc\r\n${admin}\r\n\r\n`);
  refuses('a NUL in a header', `${GET}\r\nHost: x\r\nX-A: b\0c\r\n${admin}\r\n\r\n`);
  refuses('bare LF everywhere', `${GET}\nHost: x\n${admin}\n\n`);
  refuses('the absolute form', head('GET http://x/kapacitor/v1/tasks HTTP/1.1', 'Host: x', admin));
  refuses('OPTIONS *', head('OPTIONS * HTTP/1.1', 'Host: x', admin));
  refuses('GET *', head('GET * HTTP/1.1', 'Host: x', admin));
  refuses('HTTP/2.0', head('GET /kapacitor/v1/tasks HTTP/2.0', 'Host: x', admin));
  refuses('no version', 'GET /kapacitor/v1/tasks\r\n\r\n');
  refuses('TLS at a plain port', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n');
  refuses('TRACE', head('TRACE /kapacitor/v1/tasks HTTP/1.1', 'Host: x', admin), 404);
  refuses(
    'an unknown method',
    head('PROPFIND /kapacitor/v1/tasks HTTP/1.1', 'Host: x', admin),
    404,
  );
  refuses('CONNECT', head('CONNECT x:80 HTTP/1.1', 'Host: x', admin), 404);
  refuses('a header bomb', head(GET, 'Host: x', admin, `X-Bomb: ${'x'.repeat(200_000)}`), 431);
  refuses(
    'a bomb of many headers',
    head(GET, 'Host: x', admin, ...Array.from({ length: 20_000 }, (_, index) => `a${index}: b`)),
    431,
  );
  refuses('another expectation', head(POST, 'Host: x', admin, 'Expect: 200-ok'), 417);
  refuses('one expectation more', head(POST, 'Host: x', admin, 'Expect: 100-continue, x'), 417);
  return forms;
}

/** Requests whose bodies are requests. */
export function bodyForms(): readonly Smuggled[] {
  const forms: Smuggled[] = [];
  const once = (name: string, bytes: string, want: Pick<Smuggled, 'status' | 'upstream'>): void => {
    forms.push({ name, bytes, ...want });
  };
  const chunk = `${SECOND.length.toString(16)}\r\n${SECOND}\r\n0\r\n\r\n`;
  const chunked = 'Transfer-Encoding: chunked';
  const line = (method: string): string => `${method} /kapacitor/v1/tasks HTTP/1.1`;

  for (const method of ['DELETE', 'GET', 'POST', 'PATCH', 'PUT']) {
    once(
      `${method} with a chunked body`,
      `${head(line(method), 'Host: x', as('admin'), chunked)}${chunk}`,
      { status: 200, upstream: 1 },
    );
    once(
      `${method} with a body of known length`,
      `${head(line(method), 'Host: x', as('admin'), `Content-Length: ${SECOND.length}`)}${SECOND}`,
      { status: 200, upstream: 1 },
    );
  }
  once(
    'HEAD with a chunked body',
    `${head(line('HEAD'), 'Host: x', as('admin'), chunked)}${chunk}`,
    {
      status: 200,
      upstream: 1,
    },
  );
  once('OPTIONS with a chunked body', `${head(line('OPTIONS'), 'Host: x', chunked)}${chunk}`, {
    status: 200,
    upstream: 0,
  });
  once('a refused POST', `${head(line('POST'), 'Host: x', chunked)}${chunk}`, {
    status: 401,
    upstream: 0,
  });
  once(
    'a redirected POST',
    `${head('POST //kapacitor/v1/tasks HTTP/1.1', 'Host: x', chunked)}${chunk}`,
    { status: 301, upstream: 0 },
  );
  once(
    'a body behind more than 1,000 headers',
    `${head(
      line('POST'),
      'Host: x',
      as('admin'),
      ...Array.from({ length: 1500 }, (_, index) => `x${index}: y`),
      `Content-Length: ${SECOND.length}`,
    )}${SECOND}`,
    { status: 200, upstream: 1 },
  );
  once(
    'a chunked body behind more than 1,000 headers',
    `${head(
      line('POST'),
      'Host: x',
      as('admin'),
      ...Array.from({ length: 1500 }, (_, index) => `x${index}: y`),
      chunked,
    )}${chunk}`,
    { status: 200, upstream: 1 },
  );

  return forms;
}

/** Bodies in chunks that are none, behind the head of a request of an administrator. */
export const BROKEN_CHUNKS: readonly (readonly [name: string, body: string])[] = [
  ['a chunk size that is none', 'zz\r\n'],
  ['a chunk size with a sign', '+1\r\na\r\n0\r\n\r\n'],
  ['a chunk without its end', '1\r\nab\r\n0\r\n\r\n'],
  ['a chunk with a bare LF', '1\na\n0\n\n'],
  ['a chunk size past 2^64', '10000000000000001\r\na\r\n0\r\n\r\n'],
];

/** The head before them. */
export function chunkedHead(): string {
  return head(POST, 'Host: x', as('admin'), 'Transfer-Encoding: chunked');
}
