import fc from 'fast-check';

/** Pieces of paths that are let through, though two servers may well read them differently. */
const MILD_PATH = [
  ...[
    '/',
    '/',
    'x',
    'tasks',
    '/kapacitor/v1',
    '/kapacitor/v1preview',
    '/users',
    '/write',
    '/sub/x',
  ],
  ...['%75sers', '%77rite', '%61', '%41', 'A', 'http://evil', '.x', '...', '..x', '%2e%2e%2e', ':'],
  ...[
    ';',
    '%3b',
    '%3B',
    '+',
    '%2b',
    '%20',
    '@',
    '!',
    '%21',
    "'",
    '(',
    '*',
    '$',
    '&',
    '=',
    ',',
    '~',
  ],
  ...['_', '-', '[', ']', '^', '|', '{', '"', '<', '`', '%22', '%60', '%c2%a0', '%c3%b6', '%C3%B6'],
  ...['%e7%ae%a1', '%f0%9f%98%80', '%e2%80%a8', '%ef%bb%bf', 'o%cc%88'],
];

/** Pieces that make a path redirected or refused: dots and slashes, bare and behind escapes, and bad escapes. */
const HOSTILE_PATH = [
  ...['//', '/.', '/..', '/./', '/../', '.', '..', '%2e', '%2E%2e', '/%2e%2E/', '/%2e/', '\\', '#'],
  ...['%2f', '%2F', '%5c', '%25', '%252f', '%3f', '%3F', '%23', '%00', '%0a', '%1F', '%7f', '\x7f'],
  ...['%c2%80', '%C2%9F', '%ff', '%c3', '%c0%af', '%ed%a0%80', '%f4%90%80%80', '%e2%80', '%%32f'],
  ...['%', '%2', '%zz', '%u0041', '%+1', '\t', ' ', '\x00', 'ö', '\u2028'],
];

/** Pieces of queries that are let through, in several spellings of the names that decide. */
const MILD_QUERY = [
  ...['&', '&', '&', '&', '&&', '=', '==', '?', '/', '//', '/../', '%26', '%3d', '%3b', '%3B', '+'],
  ...['db=a', 'd%62=c', 'DB=e', 'db[]=f', 'rp=x', 'r%70=y', 'u=root', 'p=secret', '%75=x', '%70=y'],
  ...['u', 'p', 'db', 'rp', 'U=x', 'uu=1', 'precision=n', 'x', '=x', 'x=1', 'x=2', '__proto__=1'],
  ...[
    'constructor',
    'a.b=c',
    "'",
    '"',
    '[',
    '%5B',
    '~',
    '*',
    '!',
    '%2b',
    '%20',
    '%00',
    '%0a',
    '%25',
  ],
  ...['%2f', '%23', '%3f', '%c3%b6', '%f0%9f%98%80'],
];

/** Pieces of which one version of Go makes another query than the next, and repeated names. */
const HOSTILE_QUERY = [
  ...[';', ';db=z', '&db=b', '&rp=c', '&u=d', '&p=e', '&d%62=f', '&%64b=g', '#', '\\', '%', '%2'],
  ...['%zz', '%ff', '%C3', '%c0%af', '%ed%b0%80', ' ', '\x01', 'ö'],
];

/** Free text over the characters that matter, so that the lists above are not the limit. */
const noise = fc.string({
  unit: fc.constantFrom(...('/.%;&=?+#\\:~aAfF0259-_uUpPö\x01 '.match(/./gu) ?? [])),
  maxLength: 6,
});

function sequence(pieces: readonly string[], maxLength: number): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...pieces), { maxLength }).map((chosen) => chosen.join(''));
}

function targets(
  start: fc.Arbitrary<string>,
  path: fc.Arbitrary<string>,
  query: fc.Arbitrary<string>,
): fc.Arbitrary<string> {
  const marked = fc.oneof(
    fc.constant(''),
    query.map((raw) => `?${raw}`),
  );
  return fc.tuple(start, path, marked).map((parts) => parts.join(''));
}

/** Targets of which most are let through: among the hostile ones too few are. */
const mildTarget = targets(fc.constant('/'), sequence(MILD_PATH, 8), sequence(MILD_QUERY, 7));

/** Mild ones with one hostile piece or a little noise somewhere. */
const spoiltTarget = targets(
  fc.constant('/'),
  fc
    .tuple(
      sequence(MILD_PATH, 4),
      fc.oneof(fc.constant(''), fc.constantFrom(...HOSTILE_PATH), noise),
      sequence(MILD_PATH, 4),
    )
    .map((parts) => parts.join('')),
  fc
    .tuple(
      sequence(MILD_QUERY, 4),
      fc.oneof(fc.constant(''), fc.constantFrom(...HOSTILE_QUERY), noise),
      sequence(MILD_QUERY, 4),
    )
    .map((parts) => parts.join('')),
);

const wildTarget = targets(
  fc.constantFrom('/', '/', '/', '/', '', '*', 'http://evil/', 'evil:80', '?'),
  sequence([...MILD_PATH, ...HOSTILE_PATH], 8),
  sequence([...MILD_QUERY, ...HOSTILE_QUERY], 8),
);

/** Any request target: let through, redirected and refused ones in like shares. */
export const anyTarget: fc.Arbitrary<string> = fc.oneof(mildTarget, spoiltTarget, wildTarget);
