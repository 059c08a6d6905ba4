import type { Address } from '../../config/config.ts';
import type { Environment } from '../../config/environment.ts';
import { subscribes } from './changes.ts';
import { flagOf, numberOf, textOf } from './conf.ts';
import type { KapacitorConf, Section } from './conf.ts';

/** What a gateway before HTTP does not see or cannot know, a sentence or two each. */
export function blindSpots(
  conf: KapacitorConf,
  gate: Address,
  env: Environment,
): readonly string[] {
  return [
    ...conf.inputs.flatMap(({ name, section }) => ofInput(name, section)),
    ...ofHttp(conf),
    ...conf.influxdb.flatMap((section) => ofInfluxDB(conf, section, gate)),
    ...(conf.influxdb.length === 0 ? [noInfluxDB(gate)] : []),
    ofVariables(env),
  ];
}

/** Where each input listens by default, and over what. Source: the services' NewConfig, InfluxDB's for all but UDP. */
const INPUT_DEFAULTS: Readonly<Record<string, { readonly at: string; readonly over: string }>> = {
  udp: { at: 'an address of its own', over: 'udp' },
  graphite: { at: ':2003', over: 'tcp' },
  collectd: { at: ':25826', over: 'udp' },
  opentsdb: { at: ':4242', over: 'tcp' },
};

function ofInput(name: string, section: Section): readonly string[] {
  if (flagOf(section, 'enabled') !== true) return [];
  const usual = INPUT_DEFAULTS[name] ?? { at: 'an address of its own', over: 'tcp' };
  const at = textOf(section, 'bind-address') ?? usual.at;
  const over = (textOf(section, 'protocol') ?? usual.over).toUpperCase();
  return [
    `[${name}] takes points at ${at} over ${over} from anyone, and the gateway does not see them: ` +
      'turn it off, bind it to 127.0.0.1, or close that port in the firewall',
  ];
}

function ofHttp({ http, auth }: KapacitorConf): readonly string[] {
  const found: string[] = [];
  if (flagOf(http, 'pprof-enabled') === true) {
    found.push(
      '[http] pprof-enabled = true: Kapacitor gives /debug/pprof and /debug/vars to whoever reaches its port. ' +
        'Through the gateway they need credentials; where you don’t need them, set it to false',
    );
  }
  if (flagOf(http, 'auth-enabled') === true && flagOf(auth, 'enabled') !== true) {
    found.push(
      '[http] auth-enabled = true without [auth] enabled = true protected nothing (before 1.6 it never does): ' +
        'Kapacitor took any name and password for an admin. Credentials that clients send today are no users yet',
    );
  }
  if (flagOf(auth, 'enabled') === true && textOf(auth, 'meta-addr') === undefined) {
    found.push(
      '[auth] enabled = true: Kapacitor has users of its own. Take them over before you turn it off: ' +
        'kapgate users import URL --format kapacitor',
    );
  }
  return found;
}

function ofInfluxDB(conf: KapacitorConf, section: Section, gate: Address): readonly string[] {
  if (!subscribes(section)) return [];
  const name = `[[influxdb]] ${JSON.stringify(textOf(section, 'name') ?? 'default')}`;
  return [
    ...ofProtocol(conf, section, name),
    ...ofPort(section, name, gate),
    ...(textOf(section, 'subscription-mode') === 'server'
      ? [
          `${name}: subscription-mode = "server": its subscriptions are named for this server’s id, not the cluster’s. ` +
            'Look the names up by SHOW SUBSCRIPTIONS before you drop one',
        ]
      : []),
    ...(textOf(section, 'subscription-path') === undefined
      ? []
      : [
          `${name}: subscription-path is set. The gateway knows no path but those of kapgate subscriptions: ` +
            'writes to another one are refused',
        ]),
  ];
}

function ofProtocol({ http }: KapacitorConf, section: Section, name: string): readonly string[] {
  const protocol = textOf(section, 'subscription-protocol') ?? 'http';
  const gateProtocol = flagOf(http, 'https-enabled') === true ? 'https' : 'http';
  if (protocol === 'udp') {
    return [
      `${name}: subscription-protocol = "udp": InfluxDB sends its points to UDP ports that Kapacitor opens to anyone, ` +
        'past the gateway. It must be "http"; the old subscriptions stay until they are dropped',
    ];
  }
  return protocol === gateProtocol
    ? []
    : [
        `${name}: subscription-protocol = "${protocol}", but [http] speaks ${gateProtocol}: ` +
          'InfluxDB reaches the gateway only if something between them translates',
      ];
}

function ofPort(section: Section, name: string, gate: Address): readonly string[] {
  const port = numberOf(section, 'http-port');
  return port === undefined || port === gate.port
    ? []
    : [
        `${name}: http-port = ${port} is left as it is: InfluxDB reached Kapacitor through something that forwards. ` +
          `It must end at the gateway’s port ${gate.port}`,
      ];
}

function noInfluxDB(gate: Address): string {
  return (
    'There is no [[influxdb]] section: Kapacitor then subscribes at http://localhost:8086, to its own new port, ' +
    `past the gateway. Write the section, with http-port = ${gate.port}`
  );
}

function ofVariables(env: Environment): string {
  const here = Object.keys(env).filter((name) => name.startsWith('KAPACITOR_'));
  const found =
    here.length === 0 ? '' : ` Here and now there are ${here.toSorted().join(', ')}: mind them.`;
  return (
    `Variables KAPACITOR_… of Kapacitor’s own environment override its file (look into /etc/default/kapacitor and the unit).${found} ` +
    'What was set through /kapacitor/v1/config overrides both: kapgate doctor sees what is in effect'
  );
}
