import { shownPermissions } from '../../authorize/permissions.ts';
import { goQuote } from '../../kernel/go-text.ts';
import type { Secret } from '../../kernel/secret.ts';
import type { ChangedField, ImportStep } from '../../users/import/plan.ts';
import { recordAfter } from '../../users/import/plan.ts';
import type { RefusedEntry } from '../../users/import/reading.ts';
import type { SubscriptionStep } from '../../users/import/subscription-plan.ts';
import type { UserRecord } from '../../users/record.ts';

/** What an import does, or did. */
export interface ImportReport {
  readonly applied: boolean;
  readonly steps: readonly ImportStep[];
  readonly subscriptions: readonly SubscriptionStep[];
  readonly refused: readonly RefusedEntry[];
  /** How many users the store has that the source does not name. */
  readonly kept: number;
  readonly notes: readonly string[];
  /** To be shown, this once. */
  readonly newPasswords: ReadonlyMap<string, Secret>;
  /** What an entry of the source is: `line`, `user`. */
  readonly unit: string;
}

/** A line for each user that is new, changed or refused; then the sums. */
export function* textReport(report: ImportReport): Iterable<string> {
  const { steps, refused, newPasswords, unit } = report;
  const widest = steps.reduce((width, step) => Math.max(width, shownWidth(step)), 0);
  for (const step of steps) {
    if (step.kind === 'unchanged') continue;
    const { name } = step.user;
    const password = newPasswords.get(name);
    const shown = password === undefined ? '' : `  password: ${password.reveal()}`;
    yield `${step.kind.padEnd(7)}  ${name.padEnd(widest)}  ${detailsOf(step)}${shown}`;
  }
  for (const { kind, fields, after } of report.subscriptions) {
    if (kind === 'unchanged') continue;
    const databases = after.databases.length === 0 ? 'every database' : quoted(after.databases);
    const details = kind === 'new' ? databases : `${fields.join('; ')} (${databases})`;
    yield `${kind.padEnd(7)}  subscription ${after.name}  ${details}`;
  }
  for (const { at, name, refused: why } of refused) {
    yield `refused  ${unit} ${at}${name === undefined ? '' : ` (${goQuote(name)})`}: ${why}`;
  }
  for (const note of report.notes) yield `note     ${note}`;
  const counts = countsOf(report);
  yield (
    `${counts.new} new, ${counts.changed} changed, ${counts.unchanged} unchanged, ${counts.refused} refused; ` +
    `${counts.kept} of the store not named here, which stay as they are`
  );
}

/** The same as JSON objects: one for each user of the source, and one for the sums. */
export function* jsonReport(report: ImportReport): Iterable<string> {
  for (const step of report.steps) {
    const { at, name } = step.user;
    const { admin, permissions } = outcomeOf(step);
    const password = report.newPasswords.get(name)?.reveal();
    yield JSON.stringify({
      at,
      name,
      change: step.kind,
      ...(step.kind === 'changed' ? { fields: step.fields } : {}),
      type: typeOf(admin),
      permissions: shownPermissions(permissions),
      ...(password === undefined ? {} : { password }),
    });
  }
  for (const { at, kind, fields, after } of report.subscriptions) {
    yield JSON.stringify({
      at,
      subscription: after.name,
      change: kind,
      ...(kind === 'changed' ? { fields } : {}),
      databases: after.databases,
    });
  }
  for (const { at, name, refused } of report.refused) {
    yield JSON.stringify({ at, name, change: 'refused', why: refused });
  }
  const { applied, notes } = report;
  yield JSON.stringify({ summary: { applied, ...countsOf(report) }, notes });
}

interface Counts {
  readonly new: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly refused: number;
  readonly kept: number;
}

/** The sums of a report. */
export function countsOf({ steps, refused, kept }: ImportReport): Counts {
  const count = (kind: ImportStep['kind']): number =>
    steps.reduce((sum, step) => sum + (step.kind === kind ? 1 : 0), 0);
  return {
    new: count('new'),
    changed: count('changed'),
    unchanged: count('unchanged'),
    refused: refused.length,
    kept,
  };
}

function shownWidth(step: ImportStep): number {
  return step.kind === 'unchanged' ? 0 : step.user.name.length;
}

function detailsOf(step: Exclude<ImportStep, { kind: 'unchanged' }>): string {
  const after = outcomeOf(step);
  if (step.kind === 'new') return `${typeOf(after.admin).padEnd(6)}  ${listOf(after.permissions)}`;
  const { before } = step;
  const words: Readonly<Record<ChangedField, string>> = {
    password: 'password',
    type: `type: ${typeOf(before.admin)} -> ${typeOf(after.admin)}`,
    permissions: `permissions: ${listOf(before.permissions)} -> ${listOf(after.permissions)}`,
  };
  return step.fields.map((field) => words[field]).join('; ');
}

/** The record without what only the store knows. */
function outcomeOf(step: ImportStep): Pick<UserRecord, 'admin' | 'permissions'> {
  return step.kind === 'unchanged' ? step.before : recordAfter(step, '', '');
}

function typeOf(admin: boolean): 'admin' | 'normal' {
  return admin ? 'admin' : 'normal';
}

/** A database may have any name; one with control characters must not write to the terminal. */
function listOf(permissions: readonly string[]): string {
  return quoted(shownPermissions(permissions)) || '-';
}

function quoted(words: readonly string[]): string {
  return words.map((each) => (/\p{C}/u.test(each) ? goQuote(each) : each)).join(' ');
}
