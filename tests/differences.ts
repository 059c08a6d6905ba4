/** A row of a recording, ready to be played. */
export interface Row {
  /** For messages: the user, or the case of credentials. */
  readonly name: string;
  readonly user: string | null;
  readonly permissions?: readonly string[];
  readonly method: string;
  readonly target: string;
  /** The credentials, as header lines. */
  readonly headers: readonly string[];
  /** Kapacitor's answer. */
  readonly status: number;
  readonly location: string | null;
  readonly body?: string | undefined;
}

/** The answer that is expected. */
export interface Outcome {
  readonly status: number;
  readonly location: string | null;
  /** Undefined: it is not compared. */
  readonly body?: string | undefined;
  readonly words?: RegExp;
  /** Whether Kapacitor sees the request. */
  readonly isForwarded: boolean;
}

/** One place where the gateway differs from Kapacitor 1.8 on purpose: docs/differences.md. */
interface Difference {
  readonly name: string;
  readonly applies: (row: Row) => boolean;
  readonly expected: (row: Row) => Outcome;
}

/** The first that applies is expected. None applies to a row that the gateway must answer as Kapacitor does. */
export const DIFFERENCES: readonly Difference[] = [
  {
    name: 'what can be read in two ways is refused',
    applies: (row) => isAmbiguousTarget(row.target) || hasTwoAuthorizations(row),
    expected: () => ({
      status: 400,
      location: null,
      words: /^\{"error":"([^"\\]|\\.)+","message":"([^"\\]|\\.)+"\}$/,
      isForwarded: false,
    }),
  },
  {
    name: 'the users API is for admins only',
    applies: ({ target, user, method, status }) =>
      /^\/kapacitor\/v1(?:preview)?\/users(?:$|\/)/.test(target) &&
      user !== null &&
      user !== 'admin' &&
      method !== 'OPTIONS' &&
      status !== 403,
    expected: ({ user, method, target }) => {
      const endpoint = target.replace('v1preview', 'v1');
      const privilege = { GET: 'read', DELETE: 'delete' }[method] ?? 'write';
      const words = `user ${user} does not have "${privilege}" privilege for API endpoint "${endpoint}"`;
      return {
        status: 403,
        location: null,
        body: JSON.stringify({ error: words, message: words }),
        isForwarded: false,
      };
    },
  },
  {
    name: 'write_points and all write points',
    applies: ({ permissions = [], status, body = '' }) =>
      status === 401 &&
      body.includes('user is not authorized to write to database') &&
      permissions.some((each) => each === 'write_points' || each === 'all'),
    expected: () => ({ status: 204, location: null, isForwarded: true }),
  },
  {
    name: 'a token for an unknown user tells nothing of the store',
    applies: ({ status, body = '' }) =>
      status === 401 && body.includes('from store: no user exists'),
    expected: () => ({
      status: 401,
      location: null,
      body: '{"error":"authorization failed","message":"authorization failed"}',
      isForwarded: false,
    }),
  },
];

function isAmbiguousTarget(target: string): boolean {
  const [path = '', query = ''] = target.split('?', 2);
  if (/%(?:2f|5c|25|3f|23|[01][0-9a-f]|7f|c0|c1)|\\/i.test(path) || query.includes(';'))
    return true;
  const names = query.split('&').map((pair) => decodeURIComponent(pair.split('=')[0] ?? ''));
  return ['db', 'rp', 'u', 'p'].some((name) => names.filter((each) => each === name).length > 1);
}

function hasTwoAuthorizations({ headers }: Row): boolean {
  return headers.filter((line) => line.startsWith('Authorization:')).length > 1;
}
