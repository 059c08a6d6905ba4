import { parseToml } from '../../config/toml.ts';

/** A section of a kapacitor.conf. Its names are in lower case: Kapacitor takes them in any. */
export type Section = Readonly<Record<string, unknown>>;

/** What of a kapacitor.conf matters to a gateway, with Kapacitor's defaults where it says nothing. */
export interface KapacitorConf {
  readonly hostname: string;
  /** Where Kapacitor listened. */
  readonly bindAddress: string;
  readonly http: Section;
  readonly auth: Section;
  readonly logging: Section;
  /** Each [[influxdb]]. */
  readonly influxdb: readonly Section[];
  /** The sections of inputs that are no HTTP, by name. */
  readonly inputs: readonly { readonly name: string; readonly section: Section }[];
}

/** The inputs of Kapacitor beside HTTP. Source: kapacitor server/config.go, 1.0 to 1.8. */
const INPUTS = ['udp', 'graphite', 'collectd', 'opentsdb'] as const;

/** Reads the text of a kapacitor.conf of any version. */
export function readConf(
  text: string,
): { readonly conf: KapacitorConf } | { readonly refused: string } {
  const parsed = parseToml(text);
  if ('refused' in parsed) return parsed;
  const top = sectionOf(parsed.document);
  const http = sectionOf(top['http']);
  return {
    conf: {
      hostname: textOf(top, 'hostname') ?? 'localhost',
      bindAddress: textOf(http, 'bind-address') ?? ':9092',
      http,
      auth: sectionOf(top['auth']),
      logging: sectionOf(top['logging']),
      influxdb: sectionsOf(top['influxdb']),
      inputs: INPUTS.flatMap((name) => sectionsOf(top[name]).map((section) => ({ name, section }))),
    },
  };
}

/** True where the section turns it on; undefined where it says nothing. */
export function flagOf(section: Section, name: string): boolean | undefined {
  const found = section[name];
  return typeof found === 'boolean' ? found : undefined;
}

/** The text of that name; undefined where there is none, or an empty one, which Kapacitor takes for none. */
export function textOf(section: Section, name: string): string | undefined {
  const found = section[name];
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** The number of that name; undefined where there is none, or 0, which Kapacitor takes for none. */
export function numberOf(section: Section, name: string): number | undefined {
  const found = section[name];
  return typeof found === 'number' && found !== 0 ? found : undefined;
}

/** One section for [name], several for [[name]]. */
function sectionsOf(found: unknown): readonly Section[] {
  const each: readonly unknown[] = Array.isArray(found) ? found : [found];
  return each.filter((one) => typeof one === 'object' && one !== null).map(sectionOf);
}

function sectionOf(found: unknown): Section {
  if (typeof found !== 'object' || found === null) return {};
  return Object.fromEntries(
    Object.entries(found).map(([name, value]) => [name.toLowerCase(), value]),
  );
}
