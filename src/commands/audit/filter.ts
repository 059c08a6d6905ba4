import { didYouMean } from '../../config/nearest.ts';
import { CommandError, EXIT } from '../terminal.ts';
import { thingIn } from './event.ts';
import type { AuditEvent } from './event.ts';
import { WHEN, readWhen } from './when.ts';

export interface FilterOptions {
  readonly user?: string | undefined;
  readonly what?: string | undefined;
  readonly action?: string | undefined;
  readonly denied?: boolean | undefined;
  readonly changes?: boolean | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

/** What is asked for. */
export interface Filter {
  /** Nothing before it is; files that were last written before it need not be read. */
  readonly sinceMs: number;
  readonly takes: (event: AuditEvent) => boolean;
  /** False where a line as it stands can be none that it takes: most need not be read then. */
  readonly mayTake: (line: string) => boolean;
}

/** What `--action` can be, beside a method. */
export const ACTIONS: readonly string[] = [
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  ...['created', 'updated', 'deleted', 'rotated', 'old secret ended'],
];

/** @throws CommandError where an option says nothing that can be looked for */
export function createFilter(options: FilterOptions, nowMs: number): Filter {
  const sinceMs = momentOf('--since', options.since, nowMs) ?? -Infinity;
  const untilMs = momentOf('--until', options.until, nowMs) ?? Infinity;
  if (sinceMs > untilMs) {
    throw new CommandError('--since is later than --until: nothing lies between', EXIT.usage);
  }
  const action = actionOf(options.action);
  const wanted = options.what === undefined ? undefined : `/${thingIn(options.what)}/`;
  const { user, denied, changes } = options;
  return {
    sinceMs,
    mayTake: glanceFor([user, wanted?.split('/').at(-2)], sinceMs),
    takes: (event) =>
      event.untilMs >= sinceMs &&
      event.fromMs <= untilMs &&
      (user === undefined || isBy(event, user)) &&
      (wanted === undefined || `/${event.what}/`.includes(wanted)) &&
      (action === undefined || event.action.toLowerCase() === action) &&
      (denied !== true || event.outcome === 'denied') &&
      (changes !== true || event.isChange),
  };
}

/** How a line of ours begins. */
const TIME = /^\{"time":"([\d-]+T[\d:.]+Z)"/;
/** A text that stands in a line as it is, neither escaped nor encoded. */
const PLAIN = /^[\w.@-]+$/;

function glanceFor(
  texts: readonly (string | undefined)[],
  sinceMs: number,
): (line: string) => boolean {
  const needed = texts.filter((text) => text !== undefined).filter((text) => PLAIN.test(text));
  const since = Number.isFinite(sinceMs) ? new Date(sinceMs).toISOString() : '';
  return (line) => {
    // What is no line of ours, and what tells of missing ones, is counted.
    const [, time] = TIME.exec(line) ?? [];
    if (time === undefined || line.includes('"lines dropped"')) return true;
    if (time < since && !line.includes('"until":')) return false;
    return needed.every((text) => line.includes(text));
  };
}

/** `eva` is also who ran a command on the host. */
function isBy({ user, claimed }: AuditEvent, name: string): boolean {
  return user === name || claimed === name || user === `cli:${name}`;
}

function momentOf(option: string, text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const ms = readWhen(text, nowMs);
  if (ms !== undefined) return ms;
  throw new CommandError(`${option} ${JSON.stringify(text)}: allowed is ${WHEN}`, EXIT.usage);
}

function actionOf(text: string | undefined): string | undefined {
  const action = text?.toLowerCase();
  if (action === undefined || ACTIONS.some((each) => each.toLowerCase() === action)) return action;
  throw new CommandError(
    `--action ${JSON.stringify(text)}: there is none of that name${didYouMean(action, ACTIONS)} ` +
      `Allowed: ${ACTIONS.join(', ')}`,
    EXIT.usage,
  );
}
