import type { Address } from '../../config/config.ts';
import type { Change } from './conf-lines.ts';
import { flagOf, numberOf, textOf } from './conf.ts';
import type { KapacitorConf, Section } from './conf.ts';

/** What must change in kapacitor.conf, so that only the gateway reaches Kapacitor, and all else the gateway. */
export function changesOf(conf: KapacitorConf, gate: Address, upstream: string): readonly Change[] {
  const { http, auth } = conf;
  const changes = [
    change('http', 'bind-address', textOf(http, 'bind-address'), upstream, LOOPBACK),
  ];
  if (flagOf(http, 'https-enabled') === true) {
    changes.push(change('http', 'https-enabled', true, false, NO_TLS));
  }
  if (flagOf(http, 'auth-enabled') === true) {
    changes.push(change('http', 'auth-enabled', true, false, NO_AUTH));
  }
  if (flagOf(auth, 'enabled') === true) {
    changes.push(change('auth', 'enabled', true, false, NO_USERS));
  }
  return [
    ...changes,
    ...conf.influxdb.flatMap((section, index) => forInfluxDB(conf, section, index, gate)),
  ];
}

const LOOPBACK = 'only this machine reaches Kapacitor; the gateway takes its old address';
const NO_TLS = 'the gateway speaks HTTPS to clients; between the two there is only this machine';
const NO_AUTH = 'the gateway has checked who asks, and sends no credentials on';
const NO_USERS = 'the users are the gateway’s; it answers /kapacitor/v1/users itself';
const SUBSCRIPTIONS = 'InfluxDB goes on to send its points to the old address, which is the gate';

function change(
  section: string,
  key: string,
  from: Change['from'],
  to: Change['to'],
  why: string,
): Change {
  return { section, index: 0, key, from, to, why };
}

/** Without http-port Kapacitor would make subscriptions to its own new port. */
function forInfluxDB(
  { hostname }: KapacitorConf,
  section: Section,
  index: number,
  gate: Address,
): readonly Change[] {
  if (!subscribes(section)) return [];
  const changes: Change[] = [];
  const of = (key: string, from: Change['from'], to: Change['to']): void => {
    changes.push({ section: 'influxdb', index, key, from, to, why: SUBSCRIPTIONS });
  };
  if (textOf(section, 'kapacitor-hostname') === undefined) {
    of('kapacitor-hostname', textOrEmpty(section, 'kapacitor-hostname'), hostname);
  }
  if (numberOf(section, 'http-port') === undefined) {
    of('http-port', section['http-port'] === 0 ? 0 : undefined, gate.port);
  }
  if (textOf(section, 'subscription-protocol') === 'udp') {
    of('subscription-protocol', 'udp', 'http');
  }
  return changes;
}

/** True where Kapacitor makes subscriptions in that InfluxDB. */
export function subscribes(section: Section): boolean {
  return flagOf(section, 'enabled') !== false && flagOf(section, 'disable-subscriptions') !== true;
}

function textOrEmpty(section: Section, name: string): string | undefined {
  const found = section[name];
  return typeof found === 'string' ? found : undefined;
}
