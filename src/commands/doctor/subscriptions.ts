import { messageOf } from '../../kernel/errors.ts';
import type { InfluxDb } from '../subscriptions/influxdb.ts';
import { dropStatement, shownDestination } from '../subscriptions/influxql.ts';
import type { InfluxSubscription } from '../subscriptions/influxql.ts';
import type { AskOptions } from './ask.ts';
import { readDestination, secretIn } from './destination.ts';
import type { Destination, Ends } from './destination.ts';
import { fault, ok, unseen, warning } from './finding.ts';
import type { Complaint, Finding } from './finding.ts';
import type { Patient } from './patient.ts';
import { readSubscribers } from './subscribers.ts';
import type { Subscriber } from './subscribers.ts';

/** Whether InfluxDB's points come in by the gate: what Kapacitor would ask for, and what InfluxDB has. */
export async function subscriptionFindings(
  patient: Patient,
  ends: Ends,
  options: AskOptions,
  influxdb: InfluxDb | undefined,
): Promise<readonly Finding[]> {
  const asked = await readSubscribers(patient.loaded.config.upstream.url, options);
  const known = 'refused' in asked ? { all: [], ids: [] } : asked;
  return [
    ...('refused' in asked
      ? [unseen('subscriptions', `what Kapacitor makes subscriptions for: ${asked.refused}`)]
      : ofKapacitor(known.all, ends)),
    ...(influxdb === undefined
      ? [
          unseen(
            'subscriptions',
            'which subscriptions InfluxDB has',
            'say where it is: --influxdb URL',
          ),
        ]
      : await ofInfluxDB(influxdb, known.ids, ends)),
  ];
}

function ofKapacitor(all: readonly Subscriber[], ends: Ends): readonly Finding[] {
  const subscribers = all.filter(({ subscribes }) => subscribes);
  return subscribers.length === 0
    ? [ok('subscriptions', 'Kapacitor makes no subscriptions')]
    : subscribers.map((each) => ofSubscriber(each, ends));
}

const SECRET_PATH = 'kapgate subscriptions add NAME makes a path and says what to do with it';

function ofSubscriber(subscriber: Subscriber, ends: Ends): Finding {
  const { name, protocol, port, path, hostname } = subscriber;
  const label = `[[influxdb]] ${JSON.stringify(name)}`;
  const here = `${label} in kapacitor.conf`;
  if (protocol === 'udp') {
    return fault('subscriptions', {
      what: `${label} subscribes by UDP`,
      why: 'the points go past the gate, to ports that are open to anyone',
      fix: `${here}: subscription-protocol = "http"; then drop the old subscriptions (SHOW SUBSCRIPTIONS)`,
    });
  }
  const effective = port === 0 ? ends.upstreamPort : port;
  if (effective === ends.upstreamPort && effective !== ends.gatePort) {
    return fault('subscriptions', {
      what: `${label} makes subscriptions to Kapacitor’s own port ${effective}`,
      why: 'the points go past the gate, or, from another machine, nowhere',
      fix: `${here}: http-port = ${ends.gatePort}; restart kapacitor`,
    });
  }
  const to = `${hostname}:${effective}`;
  if (effective !== ends.gatePort) {
    return warning('subscriptions', {
      what: `${label} makes subscriptions to ${to}, which is not the gate’s port ${ends.gatePort}`,
      why: 'they come to the gate only if something forwards that port to it',
      fix: `${here}: http-port = ${ends.gatePort}, unless something does; restart kapacitor`,
    });
  }
  return ofPath(label, here, path, to, ends);
}

function ofPath(
  label: string,
  here: string,
  path: string | undefined,
  to: string,
  ends: Ends,
): Finding {
  const secret = secretIn(path ?? '');
  if (secret !== undefined) {
    const isKnown = ends.isKnown(secret);
    if (isKnown === undefined) {
      return unseen(
        'subscriptions',
        `whether the gate knows the path of ${label}`,
        'run it as root; under Debian’s own Node it cannot be seen',
      );
    }
    return isKnown
      ? ok('subscriptions', `${label} makes subscriptions to ${to}, by a path that the gate knows`)
      : fault('subscriptions', {
          what: `${label} makes subscriptions by a path that the gate does not know`,
          why: 'InfluxDB’s points are refused, and InfluxDB does not send them again',
          fix: SECRET_PATH,
        });
  }
  return warning('subscriptions', {
    what: `${label} makes subscriptions to ${to} ${path === undefined || path === '' ? 'without a secret path' : 'by a path that is none of the gate’s'}`,
    why: 'one that Kapacitor makes for a new database gets 401 at the gate, and its points are lost',
    fix:
      path === undefined
        ? 'this Kapacitor (before 1.5.8) has no subscription-path: make them yourself, as kapgate subscriptions add prints'
        : `${here}: subscription-path; ${SECRET_PATH}`,
  });
}

async function ofInfluxDB(
  influxdb: InfluxDb,
  ids: readonly string[],
  ends: Ends,
): Promise<readonly Finding[]> {
  let all: readonly InfluxSubscription[];
  try {
    all = await influxdb.subscriptions();
  } catch (error) {
    return [
      unseen(
        'subscriptions',
        `which subscriptions InfluxDB has: ${messageOf(error)}`,
        'ask as an admin of InfluxDB: --influxdb-user NAME --influxdb-password-file FILE',
      ),
    ];
  }
  const judged = await Promise.all(all.map((each) => ofSubscription(each, ids, ends)));
  const found = judged.filter((each) => each !== undefined);
  return found.length > 0
    ? found
    : [ok('subscriptions', 'InfluxDB has no subscription to this Kapacitor')];
}

/** Undefined where it is another's. */
async function ofSubscription(
  subscription: InfluxSubscription,
  ids: readonly string[],
  ends: Ends,
): Promise<Finding | undefined> {
  const { name, database, retentionPolicy, destinations } = subscription;
  const isOwn = ids.some((id) => name === `kapacitor-${id}`);
  const judged = await Promise.all(
    destinations.map(async (url) => ({ url, to: await readDestination(url, ends) })),
  );
  const bad = judged.find(({ to }) => complains(to)) ?? judged[0];
  if (bad === undefined) return undefined;
  const label = `the subscription ${name} on ${database}.${retentionPolicy}`;
  const complaint = complaintOf(label, bad.url, bad.to, endOf(subscription, ends));
  if (bad.to.kind === 'elsewhere') {
    return isOwn && complaint !== undefined ? warning('subscriptions', complaint) : undefined;
  }
  return complaint === undefined
    ? ok('subscriptions', `${label} comes to the gate`)
    : fault('subscriptions', complaint);
}

function complains({ kind }: Destination): boolean {
  return kind === 'around' || kind === 'bare' || kind === 'stale';
}

/** InfluxDB overlooks that one was dropped where it is made again at once. */
function endOf(subscription: InfluxSubscription, { gateUrl }: Ends): string {
  return (
    `${dropStatement(subscription)}; a second later have Kapacitor make it anew: ` +
    `curl -X POST -u ADMIN ${gateUrl}/kapacitor/v1/subscriptions`
  );
}

function complaintOf(
  label: string,
  url: string,
  to: Destination,
  fix: string,
): Complaint | undefined {
  const at = shownDestination(url);
  switch (to.kind) {
    case 'gate':
      return undefined;
    case 'around':
      return { what: `${label} goes past the gate, to ${at}`, why: 'nobody checks it', fix };
    case 'bare':
      return {
        what: `${label} goes to ${at}, without a secret path`,
        why: 'the gate refuses its points (401), and InfluxDB does not send them again',
        fix: `${SECRET_PATH}; ${fix}`,
      };
    case 'stale':
      return {
        what: `${label} goes to ${at}, a path that the gate does not know (any more)`,
        why: 'the gate refuses its points (401), and InfluxDB does not send them again',
        fix,
      };
    case 'elsewhere':
      return {
        what: `${label} is this Kapacitor’s and goes to ${at}, which is neither the gate nor Kapacitor, as far as this machine knows`,
        why: 'if that is another name of this machine, its points may come in past the gate',
        fix: `see where it leads; if nowhere: ${fix}`,
      };
  }
}
