import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, Node, YAMLMap } from 'yaml';
import { Secret } from '../../kernel/secret.ts';
import type { ImportEntry, Reading, ReadingRefusal } from './reading.ts';

/** All of a YAML file is held as a tree, many times its size. */
const MAX_CHARACTERS = 16 * 1024 * 1024;

/** Each is a search through the whole tree; more than some names and passwords are never followed. */
const MAX_ALIASES = 100;

/** What else than a name with a password lets somebody in, and has no place here. */
const OTHER_CREDENTIALS = ['bearer_token', 'auth_token', 'jwt', 'jwt_token'] as const;

const TOO_MANY = `more than ${MAX_ALIASES} of its names and passwords are aliases`;

const ROUTING =
  'where vmauth sends requests (url_prefix, url_map) and what it adds to them says nothing about rights in Kapacitor: ' +
  'give permissions with --permission, or to each user with kapgate users grant';

const UNAUTHORIZED =
  'unauthorized_user is left out: nobody gets through the gateway without credentials';

/**
 * Reads the `-auth.config` file of vmauth: users with a password in clear. Nothing of the tree is expanded: aliases are
 * followed only from a name or a password to a text. Source: VictoriaMetrics app/vmauth/auth_config.go.
 */
export function readVmauth(text: string): Reading | ReadingRefusal {
  if (text.length > MAX_CHARACTERS) return { refused: 'it is too large for a file of vmauth' };
  const lines = new LineCounter();
  try {
    return readTree(text, lines);
  } catch (thrown) {
    if (thrown instanceof RangeError) return { refused: thrown.message };
    throw thrown;
  }
}

function readTree(text: string, lines: LineCounter): Reading | ReadingRefusal {
  // As Go does for a field that is a string, every scalar stays the text that it was written as.
  const document = parseDocument(text, {
    schema: 'failsafe',
    lineCounter: lines,
    prettyErrors: false,
  });
  // A tag that nobody knows is only warned of.
  const [error] = [...document.errors, ...document.warnings];
  if (error !== undefined) {
    // Its message may quote the file, and so a password.
    return { refused: `line ${lines.linePos(error.pos[0]).line} is not YAML (${error.code})` };
  }
  const root = document.contents;
  const users = isMap(root) ? root.get('users', true) : undefined;
  if (!isMap(root) || !isSeq<Node>(users)) return { refused: 'it has no list "users"' };
  const textOf = createTextReader(document);
  const entries = users.items.map((item) => {
    const at = lines.linePos(item.range?.[0] ?? 0).line;
    return isMap(item) ? readUser(item, at, textOf) : { at, refused: 'it is not a user' };
  });
  return { entries, notes: root.has('unauthorized_user') ? [UNAUTHORIZED, ROUTING] : [ROUTING] };
}

type TextReader = (user: YAMLMap, key: string) => string | undefined;

/** Undefined where there is none, `null` or something else than a text. */
function createTextReader(document: Document): TextReader {
  let aliases = 0;
  return (user, key) => {
    let node: unknown = user.get(key, true);
    if (isAlias(node)) {
      if (++aliases > MAX_ALIASES) throw new RangeError(TOO_MANY);
      node = node.resolve(document);
    }
    if (!isScalar(node) || typeof node.value !== 'string') return undefined;
    const isNull = node.type === 'PLAIN' && ['', '~', 'null'].includes(node.value);
    return isNull ? undefined : node.value;
  };
}

function readUser(user: YAMLMap, at: number, textOf: TextReader): ImportEntry {
  const other = OTHER_CREDENTIALS.find((key) => user.has(key));
  if (other !== undefined) {
    return { at, refused: `it has a ${other} and no password: kapgate token makes tokens` };
  }
  const name = textOf(user, 'username');
  const password = textOf(user, 'password');
  if (name === undefined) return { at, refused: 'it has no username' };
  if (hasPlaceholder(name)) {
    return { at, refused: `its username is a placeholder: ${PLACEHOLDER}` };
  }
  if (password === undefined) return { at, name, refused: 'it has no password' };
  if (hasPlaceholder(password)) {
    return { at, name, refused: `its password is a placeholder: ${PLACEHOLDER}` };
  }
  return { at, name, password: new Secret(password) };
}

const PLACEHOLDER = 'put the value in place of %{…}, in a copy of the file';

function hasPlaceholder(text: string): boolean {
  return text.includes('%{');
}
