import { parseDuration } from '../../config/duration.ts';
import type { Loaded } from '../../config/load.ts';
import type { Secret } from '../../kernel/secret.ts';
import { judgeDatabases, judgeSubscriptionName } from '../../users/subscription.ts';
import type { StoredSecret, SubscriptionRecord } from '../../users/subscription.ts';
import type { SubscriptionStore } from '../../users/subscriptions.ts';
import type { Context } from '../context.ts';
import { withWholeStore } from '../local-store.ts';
import { table } from '../table.ts';
import { CommandError, EXIT } from '../terminal.ts';
import { gatewayUrl, influxPassword, openHandover } from './handover-options.ts';
import type { Handover, HandoverOptions } from './handover-options.ts';
import { planHandover } from './handover-plan.ts';
import type { HandoverPlan } from './handover-plan.ts';
import { handOver } from './handover.ts';
import { pasteText } from './paste.ts';
import type { Given } from './paste.ts';

export interface GiveOptions extends HandoverOptions {
  readonly json?: boolean | undefined;
}

export interface AddOptions extends GiveOptions {
  readonly db: readonly string[];
}

/** Makes a subscription, and prints where its secret is to be used; with `--influxdb` puts it there. */
export function addSubscription(
  context: Context,
  name: string,
  options: AddOptions,
): Promise<number> {
  refuse(judgeSubscriptionName(name));
  refuse(judgeDatabases(options.db));
  const password = influxPassword(options);
  return withWholeStore(context, async ({ subscriptions }, loaded) => {
    const begun = await begin(context, loaded, options, password, options.db);
    const secret = await subscriptions.add(name, options.db);
    if (secret === 'exists') {
      throw new CommandError(
        `subscription "${name}" exists already: kapgate subscriptions rotate ${name} gives it a new secret`,
      );
    }
    if (secret === 'too-many') {
      throw new CommandError('there are as many subscriptions as can be: revoke one first');
    }
    context.terminal.err(`added subscription ${name}\n`);
    const given = givenOf(loaded, options, { name, secret, databases: options.db }, false);
    return give(context, options, given, begun);
  });
}

export interface RotateOptions extends GiveOptions {
  readonly keep?: string | undefined;
  readonly confirm?: boolean | undefined;
  readonly force?: boolean | undefined;
}

/** Gives a subscription a second secret, or (`--confirm`) ends the older of two. */
export function rotateSubscription(
  context: Context,
  name: string,
  options: RotateOptions,
): Promise<number> {
  refuse(judgeSubscriptionName(name));
  const keepMs = keepOf(options);
  const password = influxPassword(options);
  return withWholeStore(context, async ({ subscriptions }, loaded) => {
    if (options.confirm === true) return endOld(context, subscriptions, name, options);
    const databases = subscriptions.get(name)?.databases ?? [];
    const begun = await begin(context, loaded, options, password, databases);
    const secret = await subscriptions.rotate(name, keepMs);
    if (secret === 'unknown') throw unknown(name);
    if (secret === 'two-already') {
      throw new CommandError(
        `the last rotation of ${name} is not over: kapgate subscriptions rotate ${name} --confirm ends its old secret first`,
      );
    }
    const ends = subscriptions.get(name)?.secrets[1]?.ends;
    const end = ends === undefined ? 'is good until you confirm' : `ends at ${ends}`;
    context.terminal.err(`${name} has a new secret; the old one ${end}\n`);
    const given = givenOf(loaded, options, { name, secret, databases }, true);
    return give(context, options, given, begun);
  });
}

export function listSubscriptions(
  context: Context,
  { json }: { readonly json?: boolean | undefined },
): Promise<number> {
  return withWholeStore(context, ({ subscriptions }) => {
    const { out } = context.terminal;
    const all = subscriptions.list().map((record) => shown(subscriptions, record));
    if (json === true) for (const each of all) out(`${JSON.stringify(each)}\n`);
    else out(table(HEAD, all.flatMap(rowsOf)));
    return EXIT.ok;
  });
}

export function revokeSubscription(context: Context, name: string): Promise<number> {
  refuse(judgeSubscriptionName(name));
  return withWholeStore(context, async ({ subscriptions }) => {
    if ((await subscriptions.revoke(name)) === 'unknown') throw unknown(name);
    context.terminal.err(
      `revoked ${name}: what InfluxDB writes with its secret is refused from now on, and lost\n`,
    );
    return EXIT.ok;
  });
}

/** Uses are written up to a minute late, and a database may be quiet for a while. */
const QUIET_MS = 5 * 60_000;

async function endOld(
  { terminal }: Context,
  subscriptions: SubscriptionStore,
  name: string,
  { force }: RotateOptions,
): Promise<number> {
  const record = subscriptions.get(name);
  if (record === undefined) throw unknown(name);
  const [newest, old] = record.secrets;
  const objection = force === true ? undefined : objectionTo(subscriptions, newest, old);
  if (objection !== undefined) {
    throw new CommandError(
      `${objection}: points would be lost. Look at SHOW SUBSCRIPTIONS in InfluxDB; --force ends the old secret all the same`,
    );
  }
  const result = await subscriptions.endOld(name);
  if (result === 'unknown') throw unknown(name);
  if (result === 'one-only') throw new CommandError(`${name} has one secret only: nothing to end`);
  terminal.err(`ended the old secret of ${name}\n`);
  return EXIT.ok;
}

function objectionTo(
  subscriptions: SubscriptionStore,
  newest: StoredSecret | undefined,
  old: StoredSecret | undefined,
): string | undefined {
  if (newest === undefined || old === undefined) return undefined;
  const oldMs = subscriptions.lastUsed(old.hash);
  if (oldMs !== undefined && Date.now() - oldMs < QUIET_MS) {
    return `the old secret was used at ${timeOf(oldMs)}, less than 5 minutes ago`;
  }
  return subscriptions.lastUsed(newest.hash) === undefined
    ? 'the new secret was never used'
    : undefined;
}

interface ShownSecret {
  readonly secret: 'current' | 'old' | 'ended';
  readonly created: string;
  readonly lastUsed: string | null;
  readonly ends: string | null;
}

interface Shown extends Pick<SubscriptionRecord, 'name' | 'databases' | 'created' | 'changed'> {
  readonly secrets: readonly ShownSecret[];
}

const HEAD = ['NAME', 'DATABASES', 'SECRET', 'CREATED', 'LAST USED', 'ENDS'];

function shown(subscriptions: SubscriptionStore, record: SubscriptionRecord): Shown {
  const { name, databases, created, changed } = record;
  const secrets = record.secrets.map((secret, index): ShownSecret => {
    const usedMs = subscriptions.lastUsed(secret.hash);
    const isOver = secret.ends !== undefined && Date.parse(secret.ends) <= Date.now();
    return {
      secret: isOver ? 'ended' : index === 0 ? 'current' : 'old',
      created: secret.created,
      lastUsed: usedMs === undefined ? null : timeOf(usedMs),
      ends: secret.ends ?? null,
    };
  });
  return { name, databases, secrets, created, changed };
}

function rowsOf({ name, databases, secrets }: Shown): string[][] {
  return secrets.map(({ secret, created, lastUsed, ends }, index) => [
    name,
    databases.length === 0 ? 'all' : databases.join(' '),
    secret,
    created,
    lastUsed ?? 'never',
    ends ?? (index === 0 ? '-' : 'when confirmed'),
  ]);
}

function givenOf(
  { config }: Loaded,
  options: GiveOptions,
  {
    name,
    secret,
    databases,
  }: { readonly name: string; readonly secret: Secret; readonly databases: readonly string[] },
  isRotated: boolean,
): Given {
  return {
    name,
    databases,
    isRotated,
    path: `/sub/${secret.reveal()}`,
    gateway: gatewayUrl(config, options),
    upstream: config.upstream.url,
  };
}

interface Begun {
  readonly handover: Handover;
  readonly plan: HandoverPlan;
}

/** All that can go wrong before there is a secret goes wrong here. */
async function begin(
  context: Context,
  loaded: Loaded,
  options: GiveOptions,
  password: Secret | undefined,
  databases: readonly string[],
): Promise<Begun | undefined> {
  const handover = openHandover(context, loaded, options, password);
  return handover === undefined
    ? undefined
    : { handover, plan: await planHandover(handover, databases) };
}

/** Where the steps come to no end, the secret is shown all the same: nobody could show it again. */
async function give(
  { terminal }: Context,
  { json }: GiveOptions,
  given: Given,
  begun: Begun | undefined,
): Promise<number> {
  const { name, path, databases } = given;
  if (json === true) terminal.out(`${JSON.stringify({ name, path, databases })}\n`);
  if (begun === undefined) {
    if (json !== true) terminal.out(pasteText(given));
    return EXIT.ok;
  }
  try {
    return await handOver({ terminal, given, ...begun });
  } catch (thrown) {
    if (json !== true) terminal.out(pasteText(given));
    throw thrown;
  }
}

function keepOf({ keep, confirm }: RotateOptions): number | undefined {
  if (keep === undefined) return undefined;
  if (confirm === true) throw new CommandError('--confirm takes no --keep', EXIT.usage);
  const ms = parseDuration(keep);
  if (ms === undefined || ms < 0 || ms > MAX_KEEP_MS) {
    throw new CommandError(
      `--keep takes a duration up to 10000h, like 24h or 90m: ${JSON.stringify(keep)}`,
      EXIT.usage,
    );
  }
  return ms;
}

const MAX_KEEP_MS = 10_000 * 60 * 60 * 1000;

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

function refuse(fault: string | undefined): void {
  if (fault !== undefined) throw new CommandError(fault, EXIT.usage);
}

function unknown(name: string): CommandError {
  return new CommandError(
    `there is no subscription "${name}": kapgate subscriptions list shows all`,
  );
}
