import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../kernel/errors.ts';
import { askYes } from '../ask-yes.ts';
import { CommandError, EXIT } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { arrivalsText, watchArrivals, writeTestPoints } from './arrivals.ts';
import type { Arrivals } from './arrivals.ts';
import type { Handover } from './handover-options.ts';
import type { HandoverPlan } from './handover-plan.ts';
import { createStatement, dropStatement, shownDestination } from './influxql.ts';
import type { InfluxSubscription } from './influxql.ts';
import { knowsPaths } from './kapacitor.ts';
import { confLines, destinationOf } from './paste.ts';
import type { Given } from './paste.ts';
import { replaceSubscription } from './replace.ts';

/** One handover, with all that its steps need. */
interface Work {
  readonly terminal: Terminal;
  readonly handover: Handover;
  readonly plan: HandoverPlan;
  readonly given: Given;
}

/**
 * Puts a new secret into InfluxDB, step by step, and sees points arrive before and after.
 * @throws CommandError where a step is not confirmed, or fails, or nothing arrives
 */
export async function handOver(work: Work): Promise<number> {
  tellPlan(work);
  await seeArrivals(work, 'before', () => true);
  await stopKapacitor(work);
  await replaceAll(work);
  await startAll(work);
  await lookAgain(work);
  const destination = destinationOf(work.given);
  const { points, failedWrites } = await seeArrivals(work, 'after', (each) => each === destination);
  if (points > 0 && failedWrites === 0) {
    say(work, `done: points arrive through ${shownDestination(destination)}`);
    return EXIT.ok;
  }
  throw new CommandError(
    points === 0 && failedWrites === 0
      ? 'no point has come through the new subscriptions yet: write one, or give --test-point next time; kapgate subscriptions list shows when the secret was last used'
      : 'writes through the new subscriptions are refused: look at the log of the gateway and at that of InfluxDB',
  );
}

function say({ terminal }: Pick<Work, 'terminal'>, line: string): void {
  terminal.err(`${line}\n`);
}

async function confirm({ terminal, handover }: Work, question: string): Promise<void> {
  if (handover.isConfirmed || (await askYes(terminal, question))) return;
  throw new CommandError('stopped here, as you said no; nothing behind this step was done');
}

function tellPlan(work: Work): void {
  const { replaced, foreign, udp, version } = work.plan;
  say(work, `Kapacitor: ${version ?? 'does not answer'}`);
  const tell = (title: string, list: readonly InfluxSubscription[]): void => {
    if (list.length > 0) say(work, title);
    for (const each of list) say(work, `  ${shownSubscription(each)}`);
  };
  tell('These subscriptions get the new URL:', replaced);
  tell('Left as they are, since this one may not write to their databases:', foreign);
  tell('Left as they are: UDP goes past the gateway, and anybody can send it:', udp);
  if (replaced.length === 0) throw new CommandError('there is none to be changed');
}

/** Without points that come by themselves, and leave to write one, there is nothing to be seen. */
async function seeArrivals(
  work: Work,
  when: 'before' | 'after',
  isOurs: (destination: string) => boolean,
): Promise<Arrivals> {
  const { handover, plan } = work;
  const { influxdb, waitMs, mayWriteTestPoint } = handover;
  say(work, `Waiting for points (${when} the change), up to ${waitMs / 1000} s …`);
  const watching = watchArrivals(influxdb, plan.replaced, isOurs, waitMs);
  if (mayWriteTestPoint) {
    await sleep(TEST_POINT_MS);
    await writeTestPoints(influxdb, plan.replaced);
  }
  const arrivals = await watching;
  say(work, `  ${arrivalsText(arrivals)}`);
  return arrivals;
}

/** The count before must be taken first. */
const TEST_POINT_MS = 250;

async function stopKapacitor(work: Work): Promise<void> {
  const { given, handover, plan } = work;
  const knowsPath = plan.version === undefined || knowsPaths(plan.version);
  say(work, 'In kapacitor.conf, under [[influxdb]]:');
  for (const line of confLines(given)) {
    if (knowsPath || !line.startsWith('subscription-path')) say(work, `    ${line}`);
  }
  if (!knowsPath) {
    say(
      work,
      '  This Kapacitor knows no subscription-path (1.5.8 and newer do): a new database needs a subscription made by hand.',
    );
  }
  await confirm(work, 'Are these lines there, and is kapacitord stopped?');
  if ((await handover.kapacitor.version()) === undefined) return;
  say(
    work,
    `Kapacitor still answers at ${handover.kapacitor.url}. While it runs, what is written in the moment in which a subscription is gone is lost.`,
  );
  await confirm(work, 'Go on while it runs?');
}

async function replaceAll(work: Work): Promise<void> {
  const { given, handover, plan } = work;
  const shown = shownDestination(destinationOf(given));
  for (const each of plan.replaced) {
    say(work, `  ${dropStatement(each)}`);
    say(work, `  ${createStatement(each, shown)}`);
  }
  await confirm(work, `Run these ${plan.replaced.length * 2} statements?`);
  for (const each of plan.replaced) {
    const goneMs = await replaceSubscription(handover.influxdb, each, destinationOf(given));
    say(work, `  "${each.database}"."${each.retentionPolicy}": gone for ${goneMs} ms`);
  }
}

/** Asks the gateway through the very path that InfluxDB will use; behind it is Kapacitor. */
async function startAll(work: Work): Promise<void> {
  const { given, handover } = work;
  const ping = async (): Promise<string | undefined> => {
    try {
      const response = await fetch(`${destinationOf(given)}/ping`, {
        redirect: 'error',
        signal: AbortSignal.timeout(PING_MS),
      });
      return response.status === 204 ? undefined : `it answers ${response.status}`;
    } catch (thrown) {
      const cause = thrown instanceof Error ? (thrown.cause ?? thrown) : thrown;
      return messageOf(cause);
    }
  };
  if ((await ping()) !== undefined) {
    await confirm(work, `Are kapacitord and the gateway (${given.gateway.origin}) running again?`);
  }
  const deadline = Date.now() + handover.waitMs;
  for (;;) {
    const fault = await ping();
    if (fault === undefined) break;
    if (Date.now() > deadline) {
      throw new CommandError(
        `no ping comes through ${given.gateway.origin}/sub/[redacted]/ping: ${fault}`,
      );
    }
    await sleep(PAUSE_MS);
  }
  say(work, `  a ping reaches Kapacitor through ${given.gateway.origin}/sub/[redacted]/ping`);
}

const PING_MS = 5_000;
const PAUSE_MS = 200;

/** Kapacitor looks at its subscriptions itself now, and must leave ours as they are. */
async function lookAgain(work: Work): Promise<void> {
  const { given, handover, plan } = work;
  const isLinked = await handover.kapacitor.link();
  if (!isLinked)
    say(work, '  Kapacitor did not look at its subscriptions: it will within a minute');
  const names = plan.replaced.map(({ name }) => name);
  const destination = destinationOf(given);
  const others = (await handover.influxdb.subscriptions()).filter(
    ({ name, database, destinations }) =>
      names.includes(name) &&
      (given.databases.length === 0 || given.databases.includes(database)) &&
      destinations.some((each) => each !== destination),
  );
  if (others.length === 0) return;
  throw new CommandError(
    `these subscriptions do not write to ${shownDestination(destination)}: ` +
      `${others.map(shownSubscription).join('; ')}: Kapacitor has made them anew, as its kapacitor-hostname and ` +
      'http-port are not those of the gateway, or before it knew the path',
  );
}

function shownSubscription({
  name,
  database,
  retentionPolicy,
  destinations,
}: InfluxSubscription): string {
  return `"${name}" ON "${database}"."${retentionPolicy}": ${destinations.map(shownDestination).join(', ')}`;
}
