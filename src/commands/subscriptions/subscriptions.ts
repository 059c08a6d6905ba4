import { parseDuration } from '../../config/duration.ts';
import type { Loaded } from '../../config/load.ts';
import type { Secret } from '../../kernel/secret.ts';
import { judgeDatabases, judgeSubscriptionName } from '../../users/subscription.ts';
import type { Context } from '../context.ts';
import { withWholeStore } from '../local-store.ts';
import { CommandError, EXIT } from '../terminal.ts';
import { endOld, unknownSubscription } from './end-old.ts';
import { gatewayUrl, influxPassword, openHandover } from './handover-options.ts';
import type { Handover, HandoverOptions } from './handover-options.ts';
import { planHandover } from './handover-plan.ts';
import type { HandoverPlan } from './handover-plan.ts';
import { handOver } from './handover.ts';
import { pasteText } from './paste.ts';
import type { Given } from './paste.ts';

interface GiveOptions extends HandoverOptions {
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
  return withWholeStore(context, async ({ subscriptions }, loaded, changes) => {
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
    changes.note([{ ...SUBSCRIPTIONS, action: 'created', name, databases: options.db }]);
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
  return withWholeStore(context, async ({ subscriptions }, loaded, changes) => {
    if (options.confirm === true) {
      await endOld(subscriptions, name, options.force === true);
      changes.note([{ ...SUBSCRIPTIONS, action: 'old secret ended', name }]);
      context.terminal.err(`ended the old secret of ${name}\n`);
      return EXIT.ok;
    }
    const databases = subscriptions.get(name)?.databases ?? [];
    const begun = await begin(context, loaded, options, password, databases);
    const secret = await subscriptions.rotate(name, keepMs);
    if (secret === 'unknown') throw unknownSubscription(name);
    if (secret === 'two-already') {
      throw new CommandError(
        `the last rotation of ${name} is not over: kapgate subscriptions rotate ${name} --confirm ends its old secret first`,
      );
    }
    changes.note([{ ...SUBSCRIPTIONS, action: 'rotated', name }]);
    const ends = subscriptions.get(name)?.secrets[1]?.ends;
    const end = ends === undefined ? 'is good until you confirm' : `ends at ${ends}`;
    context.terminal.err(`${name} has a new secret; the old one ${end}\n`);
    const given = givenOf(loaded, options, { name, secret, databases }, true);
    return give(context, options, given, begun);
  });
}

export function revokeSubscription(context: Context, name: string): Promise<number> {
  refuse(judgeSubscriptionName(name));
  return withWholeStore(context, async ({ subscriptions }, _, changes) => {
    if ((await subscriptions.revoke(name)) === 'unknown') throw unknownSubscription(name);
    changes.note([{ ...SUBSCRIPTIONS, action: 'deleted', name }]);
    context.terminal.err(
      `revoked ${name}: what InfluxDB writes with its secret is refused from now on, and lost\n`,
    );
    return EXIT.ok;
  });
}

const SUBSCRIPTIONS = { event: 'subscriptions changed' } as const;

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

function refuse(fault: string | undefined): void {
  if (fault !== undefined) throw new CommandError(fault, EXIT.usage);
}
