import fc from 'fast-check';
import { anyTarget } from '../kernel/nasty-targets.ts';
import { damaged } from './damage.ts';
import { anyPlaces, cutAt } from './pieces.ts';

/** What a client writes to one connection: pieces, each in a write of its own. Characters are bytes (ISO-8859-1). */
export type Stream = readonly string[];

interface Words {
  /** Authorization headers that are right, and some that are not. */
  readonly authorizations: readonly string[];
  readonly wrong: readonly string[];
  /** Secrets of subscriptions. */
  readonly secrets: readonly string[];
  /** `u=…&p=…`, right and wrong. */
  readonly queries: readonly string[];
}

const ROUTES = [
  ...['/kapacitor/v1/tasks', '/kapacitor/v1/tasks/cpu', '/kapacitor/v1/ping', '/write?db=d1'],
  ...['/kapacitor/v1/write?db=d1&rp=x', '/kapacitor/v1preview/tasks', '/kapacitor/v1/users'],
  ...['/kapacitor/v1/users/someone', '/kapacitor/v1preview/users', '/kapacitor/v1/storage/backup'],
  ...['/kapacitor/v1preview/storage/backup', '/kapacitor/v1/loglevel', '/kapacitor/v1/config/x/'],
  ...['/kapacitor/v1preview/sideload/reload', '/kapacitor/v1/storage/stores/tasks', '/', '/sub'],
];

/** What most users may do. */
const CALM_ROUTES = [
  '/kapacitor/v1/tasks',
  '/kapacitor/v1/ping',
  '/write?db=d1',
  '/kapacitor/v1/tasks/a',
];

/** What changes how a path or a query is read, put somewhere into a route. */
const MARKS = [
  ...[
    '/',
    '//',
    '/./',
    '/../',
    '..',
    '.',
    '%2e',
    '%2F',
    '%5c',
    '\\',
    ';',
    '%3b',
    '%00',
    '%',
    '%25',
  ],
  ...['?', '&', '&db=secret', '#', ' ', '%20', '+', '\t', '\x80', '%c3%b6', '%C0%AF', '@', ':80'],
  ...['*', 'http://x', '&u=admin&p=pw-admin', '&d%62=z', '%55sers', 'USERS', '\0', '\x7f'],
];

const METHODS = ['GET', 'POST', 'POST', 'DELETE', 'PATCH', 'PUT', 'HEAD', 'OPTIONS'];
const ODD_METHODS = ['get', 'CONNECT', 'TRACE', 'PRI', 'G\tT', 'QUERY', ''];
const VERSIONS = [
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/1.2',
  'HTTP/2.0',
  'http/1.1',
  'HTTP/1.1 ',
  'HTTP/01.1',
];

const HEADERS = [
  ...['X-A: b', 'Content-Type: application/json', 'User-Agent: x', 'Accept-Encoding: gzip', 'X-B:'],
  ...['X-A:b ', 'X-A: \xf6', 'Request-Id: mine', 'Cookie: a=b', 'Content-Encoding: gzip'],
  ...[
    'Connection: close',
    'Connection: keep-alive',
    'Connection: X-A',
    'Connection: Content-Length',
  ],
  ...['Connection: Transfer-Encoding', 'Connection: Authorization', 'Connection: close, X-A'],
  ...[
    'X-Forwarded-User: admin',
    'X-Forwarded-For: 127.0.0.9',
    'X_Forwarded_User: admin',
    'TE: trailers',
  ],
  ...['X-HTTP-Method-Override: DELETE', 'X-Original-URL: /kapacitor/v1/users', 'Trailer: X-A'],
  ...['Forwarded: for=x', 'Via: 1.1 x', 'Referer: /x?u=a', 'Range: bytes=0-1', 'Max-Forwards: 0'],
  ...['If-None-Match: *', 'Keep-Alive: timeout=1', 'Proxy-Connection: close', 'Accept: */*'],
];

const ODD_HEADERS = [
  ...['Expect: 100-continue', 'Expect: 200-ok', 'Upgrade: h2c', 'Upgrade: websocket', 'Host: y'],
  ...['Connection: Upgrade', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAMAAABkAAQ'],
  ...['Content_Length: 3', 'Content-Length : 3', 'Content-Length: +3', 'Content-Length: 0x3'],
  ...['Content-Length: 3', 'Content-Length: 0', 'Content-Length: 3, 3', 'Content-Length:\x0b3'],
  ...[
    'Content-Length: 00',
    'Content-Length:',
    'content-length: 5',
    'X-A: b\r\n c',
    'X-A: b\r\n\tc',
  ],
  ...['Transfer-Encoding: chunked', 'transfer-encoding: chunked', 'Transfer-Encoding : chunked'],
  ...['Transfer-Encoding:\tchunked', 'Transfer-Encoding: chunked ', 'Transfer-Encoding: Chunked'],
  ...['Transfer-Encoding: identity', 'Transfer-Encoding: gzip, chunked', 'Transfer-Encoding:'],
  ...[
    'Transfer-Encoding: chunked, identity',
    'Transfer-Encoding: "chunked"',
    'Transfer_Encoding: chunked',
  ],
  ...[
    'Transfer-Encoding:\r\n chunked',
    'Transfer-Encoding: \x0bchunked',
    'X: y\nTransfer-Encoding: chunked',
  ],
  ...[
    'X: y\rTransfer-Encoding: chunked',
    'X-A\0: b',
    'X-A: \0',
    '\xf6: b',
    'X A: b',
    ': b',
    'X-A',
    ' X: y',
  ],
  ...[
    '(x): y',
    'Transfer-Encoding\0: chunked',
    'Content-Length: 3\0',
    'Host:',
    'Host: x y',
    'Host: x/y',
  ],
];

const LINE_ENDS = ['\n', '\r', '\r\r\n', '\n\r\n', '\r\n\r\n', ' \r\n', '\0\r\n', ''];

/** Put into a finished stream at any place. */
const SPLINTERS = [
  ...[
    '\r',
    '\n',
    '\r\n',
    '\r\n\r\n',
    '\0',
    ' ',
    '\t',
    ':',
    ',',
    ';',
    '%',
    '/',
    '.',
    '\x0b',
    '\x80',
    '\xff',
  ],
  ...['0', '1', 'a', 'f', '-', '+', '"', 'Content-Length: 0\r\n', 'Transfer-Encoding: chunked\r\n'],
  ...['0\r\n\r\n', 'GET /kapacitor/v1/tasks HTTP/1.1\r\n', '\r\nX-A: b', '\r\n X'],
];

function routesWith({ secrets, queries }: Words): readonly string[] {
  return [
    ...ROUTES,
    ...secrets.flatMap((each) => [
      `/sub/${each}/write?db=d1`,
      `/sub/${each}/ping`,
      `/sub/${each}/x`,
    ]),
    ...queries.map((query) => `/kapacitor/v1/tasks?${query}`),
  ];
}

function oddTargets(words: Words): fc.Arbitrary<string> {
  const route = fc.constantFrom(...routesWith(words), ...CALM_ROUTES);
  const marked = fc
    .tuple(route, fc.constantFrom(...MARKS), fc.nat(40))
    .map(([text, mark, at]) => text.slice(0, at) + mark + text.slice(at));
  const asked = fc
    .tuple(route, fc.constantFrom(...words.queries))
    .map(([text, query]) => `${text}${text.includes('?') ? '&' : '?'}${query}`);
  const wild = anyTarget.map((text) => Buffer.from(text).toString('latin1'));
  return fc.oneof(marked, marked, asked, wild);
}

/** The body as a request smuggled in it would be, or a little of anything. */
const bodies = fc.oneof(
  fc.constantFrom('', '{}', 'cpu value=1', '0\r\n\r\n', '\r\n'),
  fc.constant('DELETE /kapacitor/v1/tasks/smuggled HTTP/1.1\r\nHost: x\r\n\r\n'),
  fc.string({ unit: fc.constantFrom(...Array.from('0af\r\n;: \0\xff')), maxLength: 12 }),
);

const EXTENSIONS = ['', '', ';a=b', ';a="b"', ' ;a', ';\t', ' ', ';a="\\"', ';\x80', ';\n', ';a\r'];
const SIZES: readonly ((size: number) => string)[] = [
  (size) => size.toString(16),
  (size) => size.toString(16).toUpperCase(),
  (size) => `00${size.toString(16)}`,
  (size) => `0x${size.toString(16)}`,
  (size) => `+${size.toString(16)}`,
  (size) => `1${'0'.repeat(15)}${size.toString(16)}`,
  (size) => (size + 1).toString(16),
  (size) => ` ${size.toString(16)}`,
];
const TRAILERS = [
  'X-T: a\r\n',
  'Content-Length: 5\r\n',
  'X T: a\r\n',
  'Authorization: x\r\n',
  ' \r\n',
];

interface Chunk {
  readonly length: number;
  readonly size: (size: number) => string;
  readonly extension: string;
  readonly end: string;
  readonly trailer: string;
}

const calmChunk: fc.Arbitrary<Chunk> = fc.record({
  length: fc.integer({ min: 1, max: 40 }),
  size: fc.constantFrom(...SIZES.slice(0, 3)),
  extension: fc.constantFrom('', '', ';a=b'),
  end: fc.constant('\r\n'),
  trailer: fc.constantFrom('', '', 'X-T: a\r\n'),
});

const oddChunk: fc.Arbitrary<Chunk> = fc
  .tuple(
    calmChunk,
    fc.oneof(
      fc.record({ size: fc.constantFrom(...SIZES) }),
      fc.record({ extension: fc.constantFrom(...EXTENSIONS) }),
      fc.record({ end: fc.constantFrom(...LINE_ENDS) }),
      fc.record({ trailer: fc.constantFrom(...TRAILERS) }),
    ),
  )
  .map(([calm, odd]) => ({ ...calm, ...odd }));

function chunked(body: string, anyChunk: fc.Arbitrary<Chunk>): fc.Arbitrary<string> {
  return fc.array(anyChunk, { maxLength: 3 }).map((chunks) => {
    let rest = body;
    let text = '';
    let trailers = '';
    for (const { length, size, extension, end, trailer } of chunks) {
      const taken = rest.slice(0, length);
      if (taken === '') break;
      rest = rest.slice(length);
      text += `${size(taken.length)}${extension}\r\n${taken}${end}`;
      trailers += trailer;
    }
    if (rest !== '') text += `${rest.length.toString(16)}\r\n${rest}\r\n`;
    return `${text}0\r\n${trailers}\r\n`;
  });
}

/** The header that says where the body ends, and the body as it is sent. */
interface Framing {
  readonly headers: readonly string[];
  readonly body: string;
}

const CHUNKED = ['Transfer-Encoding: chunked'];
const UNFRAMED: Framing = { headers: [], body: '' };

const calmFramings: fc.Arbitrary<Framing> = bodies.chain((body) =>
  fc.oneof(
    fc.constant(UNFRAMED),
    fc.constant({ headers: [`Content-Length: ${body.length}`], body }),
    chunked(body, calmChunk).map((text) => ({ headers: CHUNKED, body: text })),
  ),
);

const oddFramings: fc.Arbitrary<Framing> = bodies.chain((body) =>
  fc.oneof(
    fc.constantFrom(-1, 1, 7).map((off) => {
      return { headers: [`Content-Length: ${Math.max(0, body.length + off)}`], body };
    }),
    chunked(body, oddChunk).map((text) => ({ headers: CHUNKED, body: text })),
    chunked(body, calmChunk).map((text) => ({ headers: [], body: text })),
  ),
);

interface Parts {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly space: string;
  readonly host: readonly string[];
  readonly authorization: readonly string[];
  readonly headers: readonly string[];
  readonly framing: Framing;
  readonly end: string;
  /** By how much the headers are turned: the order of names must not matter. */
  readonly turn: number;
}

function calmParts(words: Words): fc.Arbitrary<Parts> {
  return fc.record({
    method: fc.constantFrom(...METHODS),
    target: fc.oneof(
      { arbitrary: fc.constantFrom(...routesWith(words)), weight: 3 },
      { arbitrary: fc.constantFrom(...CALM_ROUTES), weight: 4 },
    ),
    version: fc.constant('HTTP/1.1'),
    space: fc.constant(' '),
    host: fc.constant(['Host: x']),
    authorization: fc.constantFrom(...words.authorizations).map((each) => [each]),
    headers: fc.array(fc.constantFrom(...HEADERS), { maxLength: 3 }),
    framing: calmFramings,
    end: fc.constant('\r\n'),
    turn: fc.nat(8),
  });
}

/** What makes a calm request an odd one: one thing at a time, as all of them together would never be let through. */
function twists(words: Words): fc.Arbitrary<Partial<Parts>> {
  const oddHeaders = fc.array(
    fc.oneof(fc.constantFrom(...ODD_HEADERS), fc.constantFrom(...HEADERS)),
    { minLength: 1, maxLength: 3 },
  );
  return fc.oneof(
    { arbitrary: fc.constant({}), weight: 7 },
    { arbitrary: fc.record({ method: fc.constantFrom(...ODD_METHODS) }), weight: 1 },
    { arbitrary: fc.record({ target: oddTargets(words) }), weight: 4 },
    { arbitrary: fc.record({ version: fc.constantFrom(...VERSIONS) }), weight: 1 },
    { arbitrary: fc.record({ space: fc.constantFrom('  ', '\t', '', '\r', '\x0b') }), weight: 1 },
    { arbitrary: fc.record({ host: fc.constantFrom([], ['Host: a', 'Host: b']) }), weight: 1 },
    {
      arbitrary: fc.record({
        authorization: fc.array(fc.constantFrom(...words.authorizations, ...words.wrong), {
          maxLength: 2,
        }),
        target: fc.oneof(oddTargets(words), fc.constantFrom(...CALM_ROUTES)),
      }),
      weight: 2,
    },
    { arbitrary: fc.record({ headers: oddHeaders }), weight: 4 },
    { arbitrary: fc.record({ headers: oddHeaders, framing: oddFramings }), weight: 3 },
    { arbitrary: fc.record({ framing: oddFramings }), weight: 4 },
    { arbitrary: fc.record({ end: fc.constantFrom(...LINE_ENDS) }), weight: 1 },
  );
}

function requestsWith(words: Words): fc.Arbitrary<string> {
  return fc.tuple(calmParts(words), twists(words)).map(([calm, twist]) => {
    const parts = { ...calm, ...twist };
    const { method, target, version, space, host, authorization, headers, framing, end, turn } =
      parts;
    const lines = [...host, ...authorization, ...headers, ...framing.headers];
    const turned = [...lines.slice(turn), ...lines.slice(0, turn)];
    const first = `${method}${space}${target}${space}${version}`;
    return `${[first, ...turned].join(end)}${end}\r\n${framing.body}`;
  });
}

/** Requests one behind the other on one connection, whole or damaged somewhere, in one write or several. */
export function streamsWith(words: Words): fc.Arbitrary<Stream> {
  const requests = fc
    .array(requestsWith(words), { minLength: 1, maxLength: 3 })
    .map((all) => all.join(''));
  return fc
    .tuple(fc.oneof(requests, requests, damaged(requests, SPLINTERS)), anyPlaces(2))
    .map(([text, places]) => cutAt(text, places));
}
