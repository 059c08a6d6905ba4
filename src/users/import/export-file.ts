import { z } from 'zod';
import { readHash } from '../../kernel/bcrypt-hash.ts';
import type { UserRecord } from '../record.ts';
import type { Snapshot } from '../store.ts';
import type { ImportEntry, Reading, ReadingRefusal } from './reading.ts';

const FORMAT = 'kapgate-export';

/** Strict: what this version does not know could take a right away. */
const HEADER = z.strictObject({
  kind: z.literal(FORMAT),
  version: z.literal(1),
  date: z.iso.datetime(),
  users: z.int().nonnegative().optional(),
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

/** The lines of an export: a head that says what follows and how many, and a JSON object for each user. */
export function* exportLines({ summary, users }: Snapshot, date: string): Iterable<string> {
  yield JSON.stringify({ kind: FORMAT, version: 1, date, users: summary.users });
  for (const user of users) yield JSON.stringify(lineOf(user));
}

/** Reads an export of this or another gateway. One that was cut off is refused as a whole. */
export function readExport(text: string): Reading | ReadingRefusal {
  const lines = text.split('\n');
  const head = HEADER.safeParse(parse(lines[0] ?? ''));
  if (!head.success) {
    return { refused: `line 1 is not the head of an export (${faultOf(head.error)})` };
  }
  const entries: ImportEntry[] = [];
  for (const [index, line] of lines.entries()) {
    if (index > 0 && line.trim() !== '') entries.push(readLine(line, index + 1));
  }
  const { users } = head.data;
  if (users !== undefined && users !== entries.length) {
    return {
      refused: `it says that it holds ${users} users, and holds ${entries.length}: it was cut off or changed (without "users" in line 1 this is not looked at)`,
    };
  }
  return { entries, notes: [] };
}

function lineOf({ name, admin, hash, permissions, created, changed }: UserRecord): object {
  const type = admin ? 'admin' : 'normal';
  return { kind: 'user', name, type, hash, permissions, created, changed };
}

function readLine(line: string, at: number): ImportEntry {
  const judged = USER.safeParse(parse(line));
  if (!judged.success) {
    return { at, refused: `it is no user of an export (${faultOf(judged.error)})` };
  }
  const { name, type, hash, permissions, created, changed } = judged.data;
  const stored = readHash(hash) ?? hash;
  return { at, name, hash: stored, admin: type === 'admin', permissions, created, changed };
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
