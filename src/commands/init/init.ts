import { existsSync, readFileSync, statSync } from 'node:fs';
import { parseAddress } from '../../config/address.ts';
import { usesMetaNodes } from '../../config/config.ts';
import type { Address, Config } from '../../config/config.ts';
import { ConfigError, loadConfig } from '../../config/load.ts';
import { readText } from '../../config/read-text.ts';
import { parseToml } from '../../config/toml.ts';
import type { Context } from '../context.ts';
import { openPrivateFile } from '../private-file.ts';
import { CommandError, EXIT } from '../terminal.ts';
import { blindSpots } from './blind-spots.ts';
import { changesOf } from './changes.ts';
import { diffOf } from './conf-lines.ts';
import { readConf } from './conf.ts';
import type { KapacitorConf } from './conf.ts';
import { gatewayToml } from './gateway-toml.ts';
import { renderReport, reportJson } from './report.ts';

export interface InitOptions {
  readonly from: string;
  readonly output: string;
  readonly force?: boolean | undefined;
  readonly json?: boolean | undefined;
}

const PRIVATE = 0o600;
const PUBLIC = 0o644;

/** Kapacitor's new port lies this far above its old one, which the gateway takes: 9092 becomes 9192. */
const PORT_STEP = 100;
const MAX_PORT = 65_535;

/** Makes a gateway.toml from a kapacitor.conf, and says what to change there. @throws CommandError */
export function init({ terminal }: Context, options: InitOptions): number {
  const { text, conf, gate } = readSource(options.from);
  const upstream = upstreamFor(gate);
  const made = gatewayToml(conf, { source: options.from, upstreamUrl: `http://${upstream}` });
  const usesMeta = usesMetaNodes(load(made.text, options.output));
  const blank = blankFile(options.output);
  const mode = blank?.privateMode ?? (made.holdsSecret ? PRIVATE : PUBLIC);
  const force = options.force === true || blank !== undefined;
  write(terminal.process, { ...options, force }, made.text, mode);
  const changes = changesOf(conf, gate, upstream);
  const report = {
    source: options.from,
    output: options.output,
    holdsSecret: made.holdsSecret,
    keepsMode: blank?.privateMode !== undefined,
    usesMeta,
    changes,
    diff: diffOf(text, options.from, changes),
    warnings: [...made.warnings, ...blindSpots(conf, gate, terminal.env)],
  };
  terminal.out(options.json === true ? reportJson(report) : renderReport(report));
  return EXIT.ok;
}

interface Source {
  readonly text: string;
  readonly conf: KapacitorConf;
  /** Where Kapacitor listened, and the gateway will. */
  readonly gate: Address;
}

function readSource(path: string): Source {
  const source = readText((name) => readFileSync(name, 'utf8'), path);
  if ('refused' in source) {
    throw new CommandError(`cannot read ${JSON.stringify(path)}: ${source.refused}`);
  }
  const read = readConf(source.text);
  if ('refused' in read) throw new CommandError(`${path}, ${read.refused}`);
  const gate = parseAddress(read.conf.bindAddress);
  if ('refused' in gate || gate.port === 0) {
    const why = 'refused' in gate ? gate.refused : 'port 0 is no port';
    throw new CommandError(`${path}: [http] bind-address: ${why}`);
  }
  return { text: source.text, conf: read.conf, gate };
}

function upstreamFor({ port }: Address): string {
  return `127.0.0.1:${port + PORT_STEP <= MAX_PORT ? port + PORT_STEP : port - PORT_STEP}`;
}

/** What is written can be served. */
function load(text: string, path: string): Config {
  try {
    const { config } = loadConfig({
      file: path,
      env: {},
      readFile: (name) => (name === path ? text : readFileSync(name, 'utf8')),
    });
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CommandError(`no gateway.toml can be made of it: ${error.problems.join('; ')}`);
  }
}

/** A file that sets no key, as the Debian package brings it: nothing is lost with it, and its mode is kept unless others read it. */
function blankFile(path: string): { readonly privateMode: number | undefined } | undefined {
  const there = readText((name) => readFileSync(name, 'utf8'), path);
  if ('refused' in there) return undefined;
  const parsed = parseToml(there.text);
  if ('refused' in parsed || Object.keys(parsed.document).length > 0) return undefined;
  const mode = statSync(path).mode & 0o777;
  return { privateMode: (mode & 0o007) === 0 ? mode : undefined };
}

function write(
  process: Context['terminal']['process'],
  { output, force }: InitOptions,
  text: string,
  mode: number,
): void {
  if (force !== true && existsSync(output)) {
    throw new CommandError(
      `${JSON.stringify(output)} is there already and is left as it is: --force writes it anew, --output NAME elsewhere`,
    );
  }
  const file = openPrivateFile(output, { force, process, mode });
  try {
    file.write(text);
    file.finish();
  } finally {
    file.close();
  }
}
