import { readDocument } from './document.ts';
import type { Environment } from './environment.ts';
import { isKapacitorConf } from './kapacitor-conf.ts';
import { readText } from './read-text.ts';
import type { ReadFile } from './read-text.ts';
import type { Findings, Statement } from './statement.ts';
import { parseToml } from './toml.ts';

/** Where a file is looked for, when neither --config nor KAPGATE_CONFIG names one; the first that is there. */
const LOOKED_FOR = ['./gateway.toml', '/etc/kapgate/gateway.toml'] as const;

/** The file that is read, and what it says: undefined where it cannot be read, which is a problem. */
export interface FileReading {
  /** Undefined where no file is named and none is there. */
  readonly path: string | undefined;
  readonly statements: readonly Statement[] | undefined;
}

/** Finds the configuration file and reads it: --config, $KAPGATE_CONFIG, or the first that is looked for. */
export function readConfigFile(
  named: string | undefined,
  env: Environment,
  readFile: ReadFile,
  findings: Findings,
): FileReading {
  const variable = env['KAPGATE_CONFIG'] ?? '';
  const path = named ?? (variable === '' ? undefined : variable);
  for (const candidate of path === undefined ? LOOKED_FOR : [path]) {
    const file = readText(readFile, candidate);
    if (!('refused' in file)) {
      const statements = readToml(file.text, candidate, path !== undefined, findings);
      return { path: candidate, statements };
    }
    if (file.missing && path === undefined) continue;
    const by = path !== undefined && named === undefined ? ' (KAPGATE_CONFIG)' : '';
    findings.problems.push(
      `cannot read the configuration ${JSON.stringify(candidate)}${by}: ${file.refused}`,
    );
    return { path: candidate, statements: undefined };
  }
  return { path: undefined, statements: [] };
}

/** Only a file that the operator named can be a kapacitor.conf; one that was looked for is ours. */
function readToml(
  text: string,
  path: string,
  named: boolean,
  findings: Findings,
): readonly Statement[] | undefined {
  const parsed = parseToml(text);
  if ('refused' in parsed) {
    findings.problems.push(`${path}, ${parsed.refused}`);
    return undefined;
  }
  const source = named && isKapacitorConf(parsed.document, path) ? 'kapacitor.conf' : 'file';
  return readDocument(parsed.document, { path, source }, findings);
}
