import { fieldsOf, listIn, numberIn, textIn } from './fields.ts';
import type { Fields } from './fields.ts';

/** A line of the audit log as `kapgate audit` looks at it. */
export interface AuditEvent {
  readonly fromMs: number;
  /** Of gathered lines: when the last of them ended. */
  readonly untilMs: number;
  /** Who did it, or "". */
  readonly user: string;
  /** Whose name was given where nobody proved it, or "". */
  readonly claimed: string;
  readonly address: string;
  /** The method of a request, or what a change did: `created`. */
  readonly action: string;
  /** What it was about: `tasks/cpu`, `users/stan`, `write/telegraf`; "" where that could not be read. */
  readonly what: string;
  /** `denied` in a rehearsal too, where it passed all the same; `unknown`: nobody could say, or nobody waited. */
  readonly outcome: 'allowed' | 'denied' | 'unknown';
  /** `204`, `403 forbidden`, `done`. */
  readonly result: string;
  /** Whether it changed something, other than points. */
  readonly isChange: boolean;
  /** Requests that the line stands for. */
  readonly count: number;
  /** Why it was refused, which permission allowed it, or what is another now. */
  readonly detail: string;
}

export type AuditLine =
  | { readonly kind: 'event'; readonly event: AuditEvent }
  /** The gateway could not write so many lines. */
  | { readonly kind: 'dropped'; readonly lines: number }
  | { readonly kind: 'foreign' };

/** Reads a line of the audit log. */
export function readEvent(line: string): AuditLine {
  const fields = fieldsOf(line);
  const fromMs = fields === undefined ? NaN : Date.parse(textIn(fields, 'time'));
  if (fields === undefined || Number.isNaN(fromMs)) return { kind: 'foreign' };
  const name = textIn(fields, 'event');
  if (name === 'lines dropped') return { kind: 'dropped', lines: numberIn(fields, 'lines', 0) };
  if (name !== '') return { kind: 'event', event: changeOf(fields, name, fromMs) };
  const verdict = textIn(fields, 'verdict');
  return verdict === ''
    ? { kind: 'foreign' }
    : { kind: 'event', event: requestOf(fields, verdict, fromMs) };
}

/** A change of a user or a subscription. */
function changeOf(fields: Fields, name: string, fromMs: number): AuditEvent {
  const as = textIn(fields, 'as');
  const type = textIn(fields, 'type');
  const details = ['type', 'permissions', 'databases', 'password'].flatMap((field) => {
    const list = listIn(fields, field);
    const value = textIn(fields, field) || list.join(' ');
    if (value !== '') return [`${field} ${value}`];
    // An admin needs none.
    const isSaid = fields.has(field) && !(field === 'permissions' && type === 'admin');
    return isSaid ? [`${field}: ${field === 'databases' ? 'all' : 'none'}`] : [];
  });
  return {
    fromMs,
    untilMs: fromMs,
    user: textIn(fields, 'user'),
    claimed: '',
    address: '',
    action: textIn(fields, 'action'),
    what: `${name.replace(/ changed$/, '')}/${textIn(fields, 'name')}`,
    outcome: 'allowed',
    result: 'done',
    isChange: true,
    count: 1,
    detail: [...details, ...(as === '' ? [] : [`as ${as}`])].join(', '),
  };
}

function requestOf(fields: Fields, verdict: string, fromMs: number): AuditEvent {
  const method = textIn(fields, 'method');
  const what = whatOf(fields);
  const until = Date.parse(textIn(fields, 'until'));
  const wentOn =
    numberIn(fields, 'status', 0) < 400 && (verdict === 'allowed' || fields.has('would_be'));
  const outcome = DENIALS.includes(verdict)
    ? 'denied'
    : verdict === 'allowed'
      ? 'allowed'
      : 'unknown';
  return {
    fromMs,
    untilMs: Number.isNaN(until) ? fromMs : until,
    user: textIn(fields, 'user'),
    claimed: textIn(fields, 'claimed'),
    address: textIn(fields, 'address'),
    action: method,
    what,
    outcome,
    result: resultOf(fields, verdict),
    isChange: wentOn && !READS.includes(method) && what !== 'write' && !what.startsWith('write/'),
    count: numberIn(fields, 'count', 1),
    detail: outcome === 'allowed' ? textIn(fields, 'grant') : textIn(fields, 'reason'),
  };
}

const READS: readonly string[] = ['', 'GET', 'HEAD'];
const DENIALS: readonly string[] = [
  'unauthorized',
  'forbidden',
  'cross-site',
  'throttled',
  'unreadable',
];

function resultOf(fields: Fields, verdict: string): string {
  const status = String(numberIn(fields, 'status', 0));
  const wouldBe = numberIn(fields, 'would_be', 0);
  if (wouldBe > 0) return `${status}, would be ${wouldBe}`;
  return verdict === 'allowed' ? status : `${status} ${verdict}`;
}

/** The path without what all have in common, decoded; of a write of points its database. */
function whatOf(fields: Fields): string {
  const what = thingIn(textIn(fields, 'path'));
  const database = textIn(fields, 'database');
  return database === '' ? what : `write/${database}`;
}

/** `/kapacitor/v1/tasks/a%20b`, `tasks/a b` → `tasks/a b`. */
export function thingIn(path: string): string {
  const short = path.replace(/^\/?(?:kapacitor\/v1(?:preview)?\/)?/, '').replace(/\/$/, '');
  try {
    return decodeURIComponent(short);
  } catch {
    return short;
  }
}
