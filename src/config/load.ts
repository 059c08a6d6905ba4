import { reaches } from './address.ts';
import { assemble } from './assemble.ts';
import type { Config } from './config.ts';
import { readCredentials } from './credentials.ts';
import { DEFAULTS, KEYS } from './defaults.ts';
import { noteUnknownVariables, readKapacitorVariables, readOwnVariables } from './environment.ts';
import type { Environment } from './environment.ts';
import { readConfigFile } from './file.ts';
import { settleGate } from './gate.ts';
import { addressOf } from './hosts.ts';
import { checkHttps } from './https-rules.ts';
import { labelOf } from './key.ts';
import { checkMeta } from './meta-rules.ts';
import type { ReadFile } from './read-text.ts';
import { noteExposed } from './secrecy.ts';
import type { ExposureOf } from './secrecy.ts';
import { tomlOf } from './settings.ts';
import { createReader } from './reader.ts';
import type { Reader, Setting } from './reader.ts';
import type { Findings } from './statement.ts';

export interface LoadOptions {
  /** The file of --config; it must be there. */
  readonly file?: string | undefined;
  readonly env: Environment;
  readonly readFile: ReadFile;
  /** What everybody can do with a file, as a sentence; undefined: nothing. Where it is left out, nothing is asked. */
  readonly exposureOf?: ExposureOf | undefined;
  /** Names and addresses of this machine, to find a gateway that would forward to itself. */
  readonly ownHosts?: readonly string[];
}

export interface Loaded {
  readonly config: Config;
  /** The file that was read; undefined where there is none. */
  readonly file: string | undefined;
  /** Each key with its value and who said it, in the order of docs/configuration.md. */
  readonly origins: readonly Setting[];
  /** Lines for the log; none of them stops the start. */
  readonly warnings: readonly string[];
}

/** A configuration that cannot be: all that is wrong with it, a sentence each. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * Loads the configuration: default < file < KAPACITOR_ variable < systemd credential < KAPGATE_ variable.
 * @throws ConfigError with every problem at once.
 */
export function loadConfig(options: LoadOptions): Loaded {
  const { env, readFile } = options;
  const findings: Findings = { problems: [], warnings: [] };
  const file = readConfigFile(options.file, env, readFile, findings);
  const said = [
    ...(file.statements ?? []),
    ...readKapacitorVariables(env, findings),
    ...readCredentials(env, readFile),
    ...readOwnVariables(env, findings),
  ];
  noteUnknownVariables(env, findings);
  noteExposed(said, options.exposureOf, findings);
  // Without its file, what a configuration says as a whole is not known.
  const whole = file.statements !== undefined;
  const reader = createReader(whole ? settleGate(said, findings) : said, readFile, findings);
  const config = assemble(reader.read);
  if (whole) checkWhole(config, reader, options.ownHosts, findings);
  if (findings.problems.length > 0) throw new ConfigError(findings.problems);
  const origins = KEYS.flatMap((key) => reader.settings.get(key) ?? []);
  return { config, file: file.path, origins, warnings: findings.warnings };
}

/** The rules that more than one key has a part in. */
function checkWhole(
  config: Config,
  { settings }: Reader,
  ownHosts: readonly string[] | undefined,
  findings: Findings,
): void {
  const bind = settings.get(DEFAULTS.http.bindAddress);
  const url = settings.get(DEFAULTS.upstream.url);
  const sound = bind?.sound === true && url?.sound === true;
  if (sound && reaches(config.http.bindAddress, addressOf(config.upstream.url), ownHosts)) {
    findings.problems.push(
      `${labelOf(bind.key)} = ${tomlOf(bind.plain)} (${bind.origin}) is also ${labelOf(url.key)} = ` +
        `${tomlOf(url.plain)} (${url.origin}): the gateway would forward to itself. ` +
        'Move Kapacitor to another port, 127.0.0.1:9192 by custom',
    );
  }
  checkHttps(config, settings, findings);
  checkMeta(config, settings, findings);
}
