import { readTarget } from '../../kernel/target.ts';
import type { Target } from '../../kernel/target.ts';

/** A line of the audit log about requests that could be read. */
export interface Entry {
  /** As it was judged: method, path, and the database of a write. */
  readonly target: Target;
  readonly address: string;
  /** Who proved to be that, or claimed to be; "" for nobody. */
  readonly name: string;
  /** Whether it was proved. */
  readonly isProven: boolean;
  readonly auth: string;
  readonly userAgent: string;
  readonly status: number;
  /** `allowed`: by the rights of then. `passed`: only because of the rehearsal. `refused`: indeed. */
  readonly outcome: 'allowed' | 'passed' | 'refused';
  /** Requests that the line stands for. */
  readonly count: number;
  readonly from: string;
  readonly until: string;
}

export type Line =
  | { readonly kind: 'entry'; readonly entry: Entry }
  /** Requests that nobody was asked about, since they could not be read. */
  | { readonly kind: 'unreadable'; readonly count: number }
  | { readonly kind: 'dropped'; readonly lines: number }
  | { readonly kind: 'event' }
  | { readonly kind: 'foreign' };

type Fields = ReadonlyMap<string, unknown>;

/** Reads a line of the audit log. Whatever else it may be is `foreign`: a line that a full disk cut in two, for one. */
export function readLine(line: string): Line {
  const fields = fieldsOf(line);
  if (fields === undefined) return { kind: 'foreign' };
  const event = text(fields, 'event');
  if (event === 'lines dropped') return { kind: 'dropped', lines: number(fields, 'lines', 0) };
  if (event !== '') return { kind: 'event' };
  const verdict = text(fields, 'verdict');
  if (verdict === '') return { kind: 'foreign' };
  const count = number(fields, 'count', 1);
  const target = targetOf(fields);
  if (verdict === 'unreadable' || target === undefined) return { kind: 'unreadable', count };
  const user = text(fields, 'user');
  const from = text(fields, 'time');
  return {
    kind: 'entry',
    entry: {
      target,
      address: text(fields, 'address'),
      name: user === '' ? text(fields, 'claimed') : user,
      isProven: user !== '',
      auth: text(fields, 'auth'),
      userAgent: text(fields, 'user-agent'),
      status: number(fields, 'status', 0),
      outcome: outcomeOf(verdict, fields),
      count,
      from,
      until: text(fields, 'until') || from,
    },
  };
}

function outcomeOf(verdict: string, fields: Fields): Entry['outcome'] {
  if (verdict === 'allowed') return 'allowed';
  return fields.has('would_be') ? 'passed' : 'refused';
}

/** Read by the server's own code, so that it needs what it needed then. */
function targetOf(fields: Fields): Target | undefined {
  const database = text(fields, 'database');
  const query = database === '' ? '' : `?db=${encodeURIComponent(database)}`;
  const reading = readTarget(text(fields, 'method'), text(fields, 'path') + query);
  return reading.kind === 'target' ? reading.target : undefined;
}

function fieldsOf(line: string): Fields | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed !== 'object' || parsed === null) return undefined;
    return new Map<string, unknown>(Object.entries(parsed));
  } catch {
    return undefined;
  }
}

function text(fields: Fields, name: string): string {
  const value = fields.get(name);
  return typeof value === 'string' && !/\p{Cs}/u.test(value) ? value : '';
}

function number(fields: Fields, name: string, otherwise: number): number {
  const value = fields.get(name);
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
}
