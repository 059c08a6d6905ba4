/** A row of a recording, ready to be played. */
export interface Row {
  /** For messages: the user, or the case of credentials. */
  readonly name: string;
  readonly user: string | null;
  readonly permissions?: readonly string[];
  readonly method: string;
  readonly target: string;
  /** The same request of a user who holds themselves what this one holds by a role, where Kapacitor answers them otherwise. */
  readonly byRole?: Row | undefined;
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
const DIFFERENCES: readonly Difference[] = [
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
    name: 'what a role grants is granted to its users',
    applies: ({ byRole }) => byRole !== undefined,
    expected: ({ byRole }) => {
      if (byRole === undefined) throw new Error('BUG: no role');
      return wantedOf(byRole).outcome;
    },
  },
  {
    name: 'a database that may not be written to is 403',
    applies: ({ status, body = '' }) =>
      status === 401 && body.includes('user is not authorized to write to database'),
    expected: ({ user, body = '' }) => {
      const [, database = ''] = /database ("[^"]+")/.exec(body) ?? [];
      const words = `user ${user} does not have "write" privilege for database ${database}`;
      return {
        status: 403,
        location: null,
        body: JSON.stringify({ error: words, message: words }),
        isForwarded: false,
      };
    },
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

/** What is expected of a row: what was recorded, but where a difference applies. */
export function wantedOf(row: Row): { readonly difference: string; readonly outcome: Outcome } {
  const difference = DIFFERENCES.find(({ applies }) => applies(row));
  if (difference !== undefined) {
    return { difference: difference.name, outcome: difference.expected(row) };
  }
  const { status, location, body } = row;
  return {
    difference: 'as recorded',
    outcome: { status, location, body, isForwarded: isForwardedAsRecorded(row) },
  };
}

/** OPTIONS, redirects, refusals and users are answered by the gateway; all else is Kapacitor's. */
function isForwardedAsRecorded({ method, target, status }: Row): boolean {
  if (method === 'OPTIONS' || status === 301 || status === 401 || status === 403) return false;
  return !/^\/kapacitor\/v1(?:preview)?\/users(?:$|[/?])/.test(target);
}

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
