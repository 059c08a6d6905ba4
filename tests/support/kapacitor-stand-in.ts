import { getFirst, muxPath, parseQuery, parseRequestUri } from '../kernel/go-reading.ts';
import type { RecordedRequest, UpstreamHandler } from './recording-upstream.ts';

/** What a Kapacitor without authentication answers: statuses and words of 1.8, from its table of routes. */
export const answerAsKapacitor: UpstreamHandler = (recorded, response) => {
  const { status, type, headers, body } = answerTo(recorded);
  response.writeHead(status, {
    'X-Kapacitor-Version': 'stand-in',
    'Request-Id': 'kapacitor-stand-in',
    ...(type === undefined ? {} : { 'Content-Type': type }),
    ...headers,
    ...(status === 204 ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
  });
  response.end(body);
};

interface StandInAnswer {
  readonly status: number;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A request as Kapacitor's mux hands it to a route. */
interface Routed {
  readonly path: string;
  /** What of the path lies behind the pattern of the route. */
  readonly rest: string;
  readonly database: string;
  readonly body: string;
}

type Answering = (routed: Routed) => StandInAnswer;

interface Route {
  readonly methods: readonly string[];
  /** Exact, or with a trailing slash a whole subtree. */
  readonly pattern: string;
  readonly answer: Answering;
}

const JSON_TYPE = 'application/json; charset=utf-8';
const METHODS = ['GET', 'POST', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'PUT'];
const PREVIEW = '/kapacitor/v1preview/';

const noContent: Answering = () => ({ status: 204, type: JSON_TYPE, body: '' });
const notFound: Answering = () => error(404, 'Not Found');
const shows =
  (value: unknown): Answering =>
  () =>
    json(200, value);
const fails =
  (status: number, words: (rest: string) => string): Answering =>
  ({ rest }) =>
    error(status, words(rest));
/** Decodes its body first, so an empty one ends it. */
const decodes =
  (words: string): Answering =>
  ({ body }) =>
    body === '' ? error(400, words) : json(200, {});
/** A subtree in which only some names exist. */
const knows =
  (names: readonly string[], unknown: Answering): Answering =>
  (routed) =>
    names.includes(routed.rest) ? json(200, {}) : unknown(routed);
/** A subtree whose bare root is an error of its own. */
const named =
  (words: string, answer: Answering): Answering =>
  (routed) =>
    routed.rest === '' ? error(400, words) : answer(routed);

const write: Answering = ({ database, body }) => {
  if (body !== '' && !/ \S+=\S/.test(body)) {
    return { status: 400, type: JSON_TYPE, body: `unable to parse '${body}': missing fields\n` };
  }
  if (database === '') return { status: 400, type: JSON_TYPE, body: 'database is required\n' };
  return { status: 204, type: JSON_TYPE, body: '' };
};

function on(methods: string, pattern: string, answer: Answering): Route {
  return { methods: methods.split(' '), pattern, answer };
}

/** A collection of things with an id: tasks, templates, recordings, replays. */
function collection(name: string, one: string, missing: Answering): readonly Route[] {
  const unnamed = `must specify ${one} id on path`;
  return [
    on('GET', name, shows({ [name.slice(1)]: [] })),
    on('GET', `${name}/`, named(unnamed, missing)),
    on('DELETE', `${name}/`, named(unnamed, noContent)),
  ];
}

const UNNAMED_SERVICE = 'must provide service name';
const unknownService = fails(404, (name) => `service "${name}" not found`);

/** reference/kapacitor.md §1.2, under /kapacitor/v1; the words were measured. */
const ROUTES: readonly Route[] = [
  on('GET HEAD', '/ping', noContent),
  on('POST', '/write', write),
  on('GET', '/:routes', shows({ '/': METHODS })),
  on('POST', '/loglevel', decodes('invalid json: EOF')),
  on('GET', '/debug/vars', shows({ num_tasks: 0 })),
  on('GET', '/debug/pprof/', shows({})),
  ...collection(
    '/tasks',
    'task',
    fails(404, () => 'no task exists'),
  ),
  on('POST', '/tasks', decodes('invalid JSON')),
  on('PATCH', '/tasks/', named('must specify task id on path', decodes('invalid JSON'))),
  ...collection(
    '/templates',
    'template',
    fails(404, () => 'no template exists'),
  ),
  on('POST', '/templates', decodes('invalid JSON')),
  on('PATCH', '/templates/', named('must specify template id on path', decodes('invalid JSON'))),
  ...collection(
    '/recordings',
    'recording',
    fails(500, () => 'error finding recording: no recording exists'),
  ),
  on('POST', '/recordings/stream', decodes('EOF')),
  on('POST', '/recordings/batch', decodes('EOF')),
  on('POST', '/recordings/query', decodes('EOF')),
  ...collection(
    '/replays',
    'replay',
    fails(404, () => 'could not find replay: no replay exists'),
  ),
  on('POST', '/replays', decodes('EOF')),
  on('POST', '/replays/batch', decodes('EOF')),
  on('POST', '/replays/query', decodes('EOF')),
  on('POST', '/subscriptions', noContent),
  on('GET', '/config', shows({ sections: {} })),
  on(
    'GET',
    '/config/',
    named(
      "section not specified, do you have an extra trailing '/'?",
      knows(
        ['influxdb', 'slack'],
        fails(404, (section) => `unknown section: ${section}`),
      ),
    ),
  ),
  on('POST', '/config/', decodes('failed to decode JSON:EOF')),
  on('GET', '/service-tests', shows({ services: [] })),
  on('GET', '/service-tests/', named(UNNAMED_SERVICE, knows(['slack'], unknownService))),
  on(
    'POST',
    '/service-tests/',
    named(UNNAMED_SERVICE, (routed) =>
      routed.rest === 'slack'
        ? decodes('failed to decode JSON body:EOF')(routed)
        : unknownService(routed),
    ),
  ),
  on('GET', '/alerts/topics', shows({ topics: [] })),
  on('GET', '/alerts/topics/', ({ rest }) => {
    if (rest.endsWith('/handlers')) return json(200, { handlers: [] });
    const topic = rest.split('/')[0] ?? '';
    return rest.endsWith('/events')
      ? error(500, `failed to get topic events: unknown topic "${topic}"`)
      : error(404, `unknown topic: "${topic}"`);
  }),
  on('POST', '/alerts/topics/', decodes('invalid handler json: EOF')),
  on(
    'PUT PATCH',
    '/alerts/topics/',
    fails(404, (rest) => `unknown handler: "${/\/handlers\/(.*)/.exec(rest)?.[1] ?? ''}"`),
  ),
  on('DELETE', '/alerts/topics/', noContent),
  on('GET', '/storage/stores', shows({ storage: [] })),
  on('GET', '/storage/backup', () => ({
    status: 200,
    type: 'application/octet-stream',
    headers: { 'Content-Disposition': 'attachment; filename="kapacitor.db"' },
    body: 'backup of the stand-in',
  })),
  on('POST', '/storage/', ({ path, rest, body }) => {
    if (!rest.startsWith('stores/')) return error(404, `unknown storage "${path}"`);
    return body === '' ? error(400, 'failed to unmarshal storage action EOF') : json(204, {});
  }),
  on('POST', '/sideload/reload', noContent),
].map((route) => ({ ...route, pattern: `/kapacitor/v1${route.pattern}` }));

/** Outside /kapacitor/v1. The log stream does not end in Kapacitor; here it is one line. */
const ALL_ROUTES: readonly Route[] = [
  ...ROUTES,
  on('POST', '/write', write),
  on('GET', '/kapacitor/v1preview/logs', () => ({
    status: 200,
    type: 'text/plain; charset=utf-8',
    body: 'ts=2000-01-01T00:00:00.000Z lvl=info msg="created log session"\n',
  })),
];

function answerTo(recorded: RecordedRequest): StandInAnswer {
  if (!METHODS.includes(recorded.method)) {
    return { ...error(404, 'Not Found'), type: 'text/plain; charset=utf-8' };
  }
  const url = parseRequestUri(Buffer.from(recorded.target, 'latin1'));
  if (url === undefined) return { status: 400, type: 'text/plain', body: '400 Bad Request' };
  const [path, clean] = [url.path, muxPath(url.path)].map((bytes) => bytes.toString('latin1'));
  if (path === undefined || clean === undefined || path !== clean) {
    const query = url.rawQuery.length === 0 ? '' : `?${url.rawQuery.toString('latin1')}`;
    return { status: 301, headers: { Location: encodeURI(clean ?? '') + query }, body: '' };
  }
  if (recorded.method === 'OPTIONS') return { status: 200, body: '' };
  const database = getFirst(parseQuery(url.rawQuery, 'since 1.17'), 'db').toString();
  return route(recorded.method, path, database, recorded.body.toString());
}

function route(method: string, path: string, database: string, body: string): StandInAnswer {
  const found = findRoute(method, path);
  if (found !== undefined) {
    const rest = path.slice(found.pattern.length);
    return found.answer({ path, rest, database, body });
  }
  return path.startsWith(PREVIEW)
    ? route(method, `/kapacitor/v1/${path.slice(PREVIEW.length)}`, database, body)
    : notFound({ path, rest: '', database, body });
}

/** The exact pattern, else the longest one that ends in a slash and begins the path. */
function findRoute(method: string, path: string): Route | undefined {
  const candidates = ALL_ROUTES.filter(({ methods }) => methods.includes(method));
  const subtrees = candidates
    .filter(({ pattern }) => pattern.endsWith('/') && path.startsWith(pattern))
    .sort((one, other) => other.pattern.length - one.pattern.length);
  return candidates.find(({ pattern }) => pattern === path) ?? subtrees[0];
}

function json(status: number, value: unknown): StandInAnswer {
  return { status, type: JSON_TYPE, body: JSON.stringify(value, undefined, 4) };
}

function error(status: number, words: string): StandInAnswer {
  return json(status, { error: words, message: words });
}
