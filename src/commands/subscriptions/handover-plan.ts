import { CommandError } from '../terminal.ts';
import type { Handover } from './handover-options.ts';
import type { InfluxSubscription } from './influxql.ts';

/** Which subscriptions of InfluxDB get the new URL, and which stay as they are. */
export interface HandoverPlan {
  readonly replaced: readonly InfluxSubscription[];
  /** Of databases that the subscription may not write to. */
  readonly foreign: readonly InfluxSubscription[];
  /** Past any gateway. */
  readonly udp: readonly InfluxSubscription[];
  /** The version of Kapacitor; undefined where it does not answer. */
  readonly version: string | undefined;
}

/** Looks, and changes nothing. @param databases that the subscription is limited to; none: all */
export async function planHandover(
  { influxdb, kapacitor, subscription }: Handover,
  databases: readonly string[],
): Promise<HandoverPlan> {
  const all = await influxdb.subscriptions();
  const names =
    subscription === undefined
      ? namesAmong(all, await kapacitor.subscriptionNames(), kapacitor.url)
      : [subscription];
  const own = all.filter(({ name }) => names.includes(name));
  if (own.length === 0) {
    throw new CommandError(
      'InfluxDB has no subscription of this Kapacitor: without --influxdb this command prints the lines ' +
        'for kapacitor.conf, with which Kapacitor makes them right from the beginning',
    );
  }
  const isUdp = ({ destinations }: InfluxSubscription): boolean =>
    destinations.some((each) => each.startsWith('udp:'));
  const isForeign = ({ database }: InfluxSubscription): boolean =>
    databases.length > 0 && !databases.includes(database);
  return {
    replaced: own.filter((each) => !isUdp(each) && !isForeign(each)),
    foreign: own.filter((each) => !isUdp(each) && isForeign(each)),
    udp: own.filter(isUdp),
    version: await kapacitor.version(),
  };
}

/** Kapacitor says who it is; while it is down, the only one that InfluxDB knows is it. */
function namesAmong(
  all: readonly InfluxSubscription[],
  said: readonly string[],
  url: string,
): readonly string[] {
  if (said.length > 0) return said;
  const names = [...new Set(all.map(({ name }) => name))].filter((each) =>
    /^kapacitor-/.test(each),
  );
  if (names.length <= 1) return names;
  throw new CommandError(
    `InfluxDB has subscriptions of more than one Kapacitor, and the one at ${url} does not answer to say which are ` +
      `its own: give --subscription with one of ${names.join(', ')}`,
  );
}
