import { z } from 'zod';
import { readHash } from '../../kernel/bcrypt-hash.ts';
import { messageOf } from '../../kernel/errors.ts';
import type { UserRecord } from '../record.ts';
import type { Snapshot } from '../store.ts';
import { decodeSubscription } from '../subscription.ts';
import type {
  ImportedSubscription,
  ImportEntry,
  Reading,
  ReadingRefusal,
  RefusedEntry,
} from './reading.ts';

const FORMAT = 'kapgate-export';

/** Strict: what this version does not know could take a right away. */
const HEADER = z.strictObject({
  kind: z.literal(FORMAT),
  version: z.literal(1),
  date: z.iso.datetime(),
  users: z.int().nonnegative().optional(),
  subscriptions: z.int().nonnegative().optional(),
});

const USER = z.strictObject({
  kind: z.literal('user'),
  name: z.string().min(1),
  type: z.enum(['admin', 'normal']),
  hash: z.string().refine((hash) => readHash(hash) !== undefined),
  permissions: z.array(z.string()),
  created: z.iso.datetime(),
  changed: z.iso.datetime(),
});

/**
 * The lines of an export: a head that says how many follow, and a JSON object for each user and subscription. The users
 * come first: the second line is to be asked for in the turn of the event loop in which the snapshot was taken.
 */
export function* exportLines(
  { summary, subscriptions, users }: Snapshot,
  date: string,
): Iterable<string> {
  const counts = { users: summary.users, subscriptions: subscriptions.length };
  yield JSON.stringify({ kind: FORMAT, version: 1, date, ...counts });
  for (const user of users) yield JSON.stringify(lineOf(user));
  for (const record of subscriptions) yield JSON.stringify({ kind: SUBSCRIPTION, ...record });
}

/** Reads an export of this or another gateway. One that was cut off is refused as a whole. */
export function readExport(text: string): Reading | ReadingRefusal {
  const lines = text.split('\n');
  const head = HEADER.safeParse(parse(lines[0] ?? ''));
  if (!head.success) {
    return { refused: `line 1 is not the head of an export (${faultOf(head.error)})` };
  }
  const entries: ImportEntry[] = [];
  const subscriptions: ImportedSubscription[] = [];
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line.trim() === '') continue;
    const read = readLine(parse(line), index + 1);
    if ('record' in read) subscriptions.push(read);
    else entries.push(read);
  }
  const { users, subscriptions: others = 0 } = head.data;
  const found = entries.length + subscriptions.length;
  if (users !== undefined && users + others !== found) {
    return {
      refused: `it says that ${users + others} lines follow the first, and there are ${found}: it was cut off or changed (without "users" in line 1 this is not looked at)`,
    };
  }
  return { entries, subscriptions, notes: [] };
}

function lineOf({ name, admin, hash, permissions, created, changed }: UserRecord): object {
  const type = admin ? 'admin' : 'normal';
  return { kind: 'user', name, type, hash, permissions, created, changed };
}

function readLine(value: unknown, at: number): ImportEntry | ImportedSubscription {
  if (isSubscription(value)) return readSubscription(value, at);
  const judged = USER.safeParse(value);
  if (!judged.success) {
    return { at, refused: `it is no user of an export (${faultOf(judged.error)})` };
  }
  const { name, type, hash, permissions, created, changed } = judged.data;
  const stored = readHash(hash) ?? hash;
  return { at, name, hash: stored, admin: type === 'admin', permissions, created, changed };
}

const SUBSCRIPTION = 'subscription';

function isSubscription(value: unknown): value is { readonly kind: string } {
  return (
    typeof value === 'object' && value !== null && 'kind' in value && value.kind === SUBSCRIPTION
  );
}

/** As it is stored, with a kind in place of a version. */
function readSubscription(
  line: { readonly kind: string },
  at: number,
): RefusedEntry | ImportedSubscription {
  const name = 'name' in line ? String(line.name) : '';
  const stored = { ...line, kind: undefined, v: 1 };
  try {
    const record = decodeSubscription(name, Buffer.from(JSON.stringify(stored)));
    return { at, record };
  } catch (thrown) {
    return { at, refused: `it is no subscription of an export: ${messageOf(thrown)}` };
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** The field at fault and nothing of its value: it may be a hash. */
function faultOf(error: z.ZodError): string {
  const [issue] = error.issues;
  const path = issue?.path.join('.') ?? '';
  if (path !== '') return `field "${path}"`;
  return issue?.code === 'unrecognized_keys'
    ? `it has fields that this version does not know: ${issue.keys.join(', ')}`
    : 'not JSON of this kind';
}
