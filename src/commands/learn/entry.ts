import { readTarget } from '../../kernel/target.ts';
import type { Target } from '../../kernel/target.ts';
import { fieldsOf, numberIn, textIn } from '../audit/fields.ts';
import type { Fields } from '../audit/fields.ts';

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

/** Reads a line of the audit log. Whatever else it may be is `foreign`: a line that a full disk cut in two, for one. */
export function readLine(line: string): Line {
  const fields = fieldsOf(line);
  if (fields === undefined) return { kind: 'foreign' };
  const event = textIn(fields, 'event');
  if (event === 'lines dropped') return { kind: 'dropped', lines: numberIn(fields, 'lines', 0) };
  if (event !== '') return { kind: 'event' };
  const verdict = textIn(fields, 'verdict');
  if (verdict === '') return { kind: 'foreign' };
  const count = numberIn(fields, 'count', 1);
  const target = targetOf(fields);
  if (verdict === 'unreadable' || target === undefined) return { kind: 'unreadable', count };
  const user = textIn(fields, 'user');
  const from = textIn(fields, 'time');
  return {
    kind: 'entry',
    entry: {
      target,
      address: textIn(fields, 'address'),
      name: user === '' ? textIn(fields, 'claimed') : user,
      isProven: user !== '',
      auth: textIn(fields, 'auth'),
      userAgent: textIn(fields, 'user-agent'),
      status: numberIn(fields, 'status', 0),
      outcome: outcomeOf(verdict, fields),
      count,
      from,
      until: textIn(fields, 'until') || from,
    },
  };
}

function outcomeOf(verdict: string, fields: Fields): Entry['outcome'] {
  if (verdict === 'allowed') return 'allowed';
  return fields.has('would_be') ? 'passed' : 'refused';
}

/** Read by the server's own code, so that it needs what it needed then. */
function targetOf(fields: Fields): Target | undefined {
  const database = textIn(fields, 'database');
  const query = database === '' ? '' : `?db=${encodeURIComponent(database)}`;
  const reading = readTarget(textIn(fields, 'method'), textIn(fields, 'path') + query);
  return reading.kind === 'target' ? reading.target : undefined;
}
