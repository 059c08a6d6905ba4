import { createStatement, dropStatement } from './influxql.ts';

/** A subscription that was just given a secret, and where it is to be used. */
export interface Given {
  readonly name: string;
  /** `/sub/SECRET`. */
  readonly path: string;
  readonly databases: readonly string[];
  /** How InfluxDB reaches the gateway. */
  readonly gateway: URL;
  /** Where Kapacitor is. */
  readonly upstream: string;
  readonly isRotated: boolean;
}

/** The URL that InfluxDB is to write to. */
export function destinationOf({ gateway, path }: Pick<Given, 'gateway' | 'path'>): string {
  return `${gateway.origin}${path}`;
}

/** Everything that is to be pasted, where, and in which order. */
export function pasteText(given: Given): string {
  return [
    `The secret is in the path. It is shown this once: ${given.path}`,
    '',
    '1. In kapacitor.conf, under [[influxdb]], so that Kapacitor 1.5.8 and newer give it to new databases too:',
    '',
    ...confLines(given).map(indented),
    '',
    '2. Stop kapacitord. A subscription that is there keeps its URL for ever: Kapacitor never compares the path.',
    '   In InfluxDB, for each of this Kapacitor that SHOW SUBSCRIPTIONS lists:',
    '',
    ...placesOf(given).map((place) => indented(dropStatement(place))),
    '',
    '3. Kapacitor before 1.5.8 knows no path: make each anew by hand. Wait for a second first, as InfluxDB overlooks',
    '   that one was dropped where it is created again at once, and goes on with the old URL:',
    '',
    ...placesOf(given).map((place) =>
      indented(createStatement({ ...place, mode: 'ANY' }, destinationOf(given))),
    ),
    '',
    '4. Start kapacitord. 1.5.8 and newer make them anew now; this makes it look again, within the minute it would take:',
    '',
    indented(`curl -X POST ${given.upstream}/kapacitor/v1/subscriptions`),
    ...(given.isRotated ? endText(given) : []),
    '',
  ]
    .map((line) => `${line}\n`)
    .join('');
}

/** The lines of kapacitor.conf. */
export function confLines({ gateway, path, databases }: Given): readonly string[] {
  const port = gateway.port === '' ? (gateway.protocol === 'https:' ? '443' : '80') : gateway.port;
  return [
    `kapacitor-hostname = ${JSON.stringify(gateway.hostname)}`,
    `http-port = ${port}`,
    `subscription-protocol = ${JSON.stringify(gateway.protocol.slice(0, -1))}`,
    `subscription-path = ${JSON.stringify(path)}`,
    ...(databases.length === 0
      ? []
      : [
          '[influxdb.subscriptions]  # to no other database: each with all its retention policies',
          ...databases.map((each) => `  ${JSON.stringify(each)} = ["autogen"]`),
        ]),
  ];
}

function endText({ name }: Given): readonly string[] {
  return [
    '',
    '5. Until then the old secret is good as well. Once nothing uses it (kapgate subscriptions list), end it:',
    '',
    indented(`kapgate subscriptions rotate ${name} --confirm`),
  ];
}

function placesOf({ databases }: Given) {
  const names = databases.length === 0 ? ['DATABASE'] : databases;
  return names.map((database) => ({
    database,
    retentionPolicy: databases.length === 0 ? 'RETENTION_POLICY' : 'autogen',
    name: 'kapacitor-ID',
  }));
}

function indented(line: string): string {
  return `     ${line}`;
}
