/** A subscription as InfluxDB lists it. */
export interface InfluxSubscription {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly name: string;
  /** ANY or ALL. */
  readonly mode: string;
  readonly destinations: readonly string[];
}

export type Place = Pick<InfluxSubscription, 'database' | 'retentionPolicy' | 'name'>;

/** Takes a subscription away. */
export function dropStatement({ name, database, retentionPolicy }: Place): string {
  return `DROP SUBSCRIPTION ${identifier(name)} ON ${identifier(database)}.${identifier(retentionPolicy)}`;
}

/** Makes one with this URL. */
export function createStatement(place: Place & { readonly mode: string }, url: string): string {
  const { name, database, retentionPolicy } = place;
  const on = `${identifier(database)}.${identifier(retentionPolicy)}`;
  const mode = place.mode.toUpperCase() === 'ALL' ? 'ALL' : 'ANY';
  return `CREATE SUBSCRIPTION ${identifier(name)} ON ${on} DESTINATIONS ${mode} ${text(url)}`;
}

/** A URL of a subscription as it may be shown: what may be a secret in it is not. */
export function shownDestination(destination: string): string {
  const [, address = '', query = ''] = /^([^?]*)(.*)$/s.exec(destination) ?? [];
  return (
    address
      // Up to the last one: a password that was not encoded may hold any character.
      .replace(/\/\/.*@/s, '//[redacted]@')
      .replace(/(\/sub\/)[^/#]+/i, '$1[redacted]') + query.replace(/=[^&#]*/g, '=[redacted]')
  );
}

/** influxql/parser.go QuoteIdent: a quote, a backslash and a line end are escaped. */
function identifier(name: string): string {
  return `"${escaped(name).replaceAll('"', '\\"')}"`;
}

function text(value: string): string {
  return `'${escaped(value).replaceAll("'", "\\'")}'`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
