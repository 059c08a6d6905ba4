import { createPasswords } from '../../authenticate/password.ts';
import type { Passwords } from '../../authenticate/password.ts';
import type { Loaded } from '../../config/load.ts';
import { costOf } from '../../kernel/bcrypt-hash.ts';
import type { Secret } from '../../kernel/secret.ts';
import { isUrl } from '../../users/import/format.ts';
import { judgeEntries } from '../../users/import/judge.ts';
import { adminsGained, stepOf } from '../../users/import/plan.ts';
import type { ImportStep, PlanParts } from '../../users/import/plan.ts';
import { planSubscriptions } from '../../users/import/subscription-plan.ts';
import type { SubscriptionStep } from '../../users/import/subscription-plan.ts';
import { isRefused } from '../../users/import/reading.ts';
import type { ImportedUser, ImportEntry, Reading } from '../../users/import/reading.ts';
import type { UserStore } from '../../users/store.ts';
import { askPassword } from '../ask-password.ts';
import { inChunks } from '../chunks.ts';
import type { ChangeLog } from '../change-log.ts';
import type { Context } from '../context.ts';
import { withStore } from '../local-store.ts';
import { openPrivateFile } from '../private-file.ts';
import type { PrivateFile } from '../private-file.ts';
import { createProgress } from '../progress.ts';
import { CommandError, EXIT } from '../terminal.ts';
import { changesOf } from './changes.ts';
import { fetchUsers } from './fetch-users.ts';
import { askedFormat, checkedMaxCost, checkedPermissions } from './import-options.ts';
import type { ImportOptions } from './import-options.ts';
import { inTurn } from './in-turn.ts';
import { readSource, readUsers } from './read-source.ts';
import { replacementsOf } from './replacements.ts';
import { countsOf, jsonReport, textReport } from './report.ts';
import type { ImportReport } from './report.ts';

/**
 * Shows what importing users from a file or a Kapacitor would change, and does it where `--apply` is given: all in one
 * transaction or nothing. Users of the store that the source does not name stay.
 */
export async function importUsers(
  context: Context,
  source: string,
  options: ImportOptions,
): Promise<number> {
  // Files are read and made first: root then becomes the owner of the store, who may not do it everywhere.
  const reading = await readingOf(context, source, options);
  const file = options.apply === true ? passwordFileOf(context, options) : undefined;
  try {
    return await withStore(context, async (store, loaded, changes) => {
      const report = await run({ context, store, loaded, changes, options, file }, source, reading);
      const lines = options.json === true ? jsonReport(report) : textReport(report);
      for (const chunk of inChunks(lines)) context.terminal.out(chunk);
      context.terminal.err(`${closingOf(report)}\n`);
      return report.refused.length > 0 ? EXIT.failed : EXIT.ok;
    });
  } finally {
    file?.close();
  }
}

async function readingOf(
  { terminal }: Context,
  source: string,
  options: ImportOptions,
): Promise<Reading> {
  const asked = askedFormat(source, options);
  if (!isUrl(source)) {
    const { format, reading } = readUsers(source, await readSource(source, terminal), asked);
    const permissions = checkedPermissions(format, options.permission);
    if (permissions.length === 0) return reading;
    return { ...reading, entries: reading.entries.map((entry) => withThem(entry, permissions)) };
  }
  checkedPermissions('kapacitor', options.permission);
  const { user } = options;
  const password =
    user === undefined
      ? undefined
      : await askPassword(terminal, options, `Password of ${user} at ${source}`, 'once');
  const progress = createProgress(terminal, 'users read');
  const reading = await fetchUsers({
    url: source,
    credentials: user === undefined || password === undefined ? undefined : { user, password },
    onPage: progress.step,
  });
  progress.end();
  return reading;
}

function withThem(entry: ImportEntry, permissions: readonly string[]): ImportEntry {
  return isRefused(entry) ? entry : { ...entry, permissions };
}

function passwordFileOf({ terminal }: Context, options: ImportOptions): PrivateFile | undefined {
  const { passwords } = options;
  return passwords === undefined
    ? undefined
    : openPrivateFile(passwords, { process: terminal.process });
}

interface Run {
  readonly context: Context;
  readonly store: UserStore;
  readonly loaded: Loaded;
  readonly changes: ChangeLog;
  readonly options: ImportOptions;
  readonly file: PrivateFile | undefined;
}

async function run(parts: Run, source: string, reading: Reading): Promise<ImportReport> {
  const { context, store, loaded, options } = parts;
  const { bcryptCost } = loaded.config.auth;
  const passwords = createPasswords({ cost: bcryptCost });
  const maxCost = checkedMaxCost(options.maxCost, bcryptCost);
  const { users, refused } = judgeEntries(reading.entries, maxCost);
  const there = store.subscriptions.list();
  const time = new Date().toISOString();
  const subscriptions = planSubscriptions(reading.subscriptions ?? [], there, time);
  const steps = await stepsOf(context, store, passwords, users);
  const { admins } = store.summary();
  if (admins > 0 && admins + adminsGained(steps) === 0) throw lastAdmin();
  const applied = options.apply === true;
  const newPasswords = applied
    ? await apply(parts, passwords, steps, subscriptions.steps)
    : NO_PASSWORDS;
  return {
    applied,
    steps,
    subscriptions: subscriptions.steps,
    refused: [...refused, ...subscriptions.refused],
    kept: keptBy(store, reading.entries),
    notes: [...reading.notes, ...weakHashes(users, bcryptCost)],
    newPasswords: parts.file === undefined ? newPasswords : NO_PASSWORDS,
    unit: isUrl(source) ? 'user' : 'line',
  };
}

const NO_PASSWORDS: ReadonlyMap<string, Secret> = new Map();

async function stepsOf(
  { terminal }: Context,
  store: UserStore,
  passwords: Passwords,
  users: readonly ImportedUser[],
): Promise<readonly ImportStep[]> {
  const progress = createProgress(terminal, 'users compared');
  const parts: PlanParts = {
    find: (name) => store.get(name),
    matches: (password, hash) => passwords.compare(password, hash),
  };
  const steps = await inTurn(users, (user) => stepOf(user, parts), progress.step);
  progress.end();
  return steps;
}

/** The passwords that were made up are on the disk before their users are. */
async function apply(
  { context: { terminal }, store, changes, file }: Run,
  passwords: Passwords,
  steps: readonly ImportStep[],
  subscriptions: readonly SubscriptionStep[],
): Promise<ReadonlyMap<string, Secret>> {
  const progress = createProgress(terminal, 'users prepared');
  const time = new Date().toISOString();
  const hash = (password: Secret): Promise<string> => passwords.hash(password);
  const made = await replacementsOf(steps, { hash, time, onStep: progress.step });
  progress.end();
  for (const [name, password] of made.newPasswords) file?.write(`${name}:${password.reveal()}\n`);
  file?.finish();
  const batch = {
    users: made.replacements,
    subscriptions: subscriptions.filter(({ kind }) => kind !== 'unchanged'),
  };
  const outcome = await store.replaceAll(batch);
  if (outcome === 'replaced') {
    changes.note(changesOf(batch));
    return made.newPasswords;
  }
  file?.empty();
  if (outcome === 'last-admin') throw lastAdmin();
  if (outcome === 'too-many-subscriptions') {
    throw new CommandError('nothing was imported: there would be too many subscriptions');
  }
  throw new CommandError(
    `nothing was imported: ${outcome.changedMeanwhile} was changed in the store meanwhile; run it again`,
  );
}

function keptBy(store: UserStore, entries: readonly ImportEntry[]): number {
  const named = new Set(entries.map(({ name }) => name));
  let kept = 0;
  for (const name of store.names()) if (!named.has(name)) kept++;
  return kept;
}

function weakHashes(users: readonly ImportedUser[], bcryptCost: number): readonly string[] {
  const weak = users.filter(
    ({ hash }) => hash !== undefined && (costOf(hash) ?? bcryptCost) < bcryptCost,
  );
  return weak.length === 0
    ? []
    : [
        `hashes below [auth] bcrypt-cost ${bcryptCost}: ${weak.length}; each is renewed at the next login with it`,
      ];
}

function closingOf(report: ImportReport): string {
  if (!report.applied) return 'nothing was changed: this was a dry run, --apply imports';
  const { new: added, changed } = countsOf(report);
  const others = report.subscriptions.filter(({ kind }) => kind !== 'unchanged').length;
  return `imported ${added} new and ${changed} changed users${others === 0 ? '' : `, and ${others} subscriptions`}`;
}

function lastAdmin(): CommandError {
  return new CommandError(
    'nothing was imported: no admin would be left; make another first, with kapgate users grant NAME admin',
  );
}
