import { labelOf } from './key.ts';
import type { Findings, Statement } from './statement.ts';

/** What every user of the host can do with a file, as a sentence without a subject; undefined: nothing. */
export type ExposureOf = (path: string) => string | undefined;

/**
 * Tells of files with secrets that everybody can read or write: they stop the start. A kapacitor.conf is only warned of:
 * it is another program's, which may be the one that needs the right.
 */
export function noteExposed(
  statements: readonly Statement[],
  exposureOf: ExposureOf = () => undefined,
  findings: Findings,
): void {
  const told = new Set<string>();
  for (const statement of statements) {
    const path = secretPlaceOf(statement);
    if (path === undefined || told.has(path)) continue;
    const exposure = exposureOf(path);
    if (exposure === undefined) continue;
    told.add(path);
    const isOurs = statement.source !== 'kapacitor.conf' || statement.inFile;
    const line = `${labelOf(statement.key)}: the secret is in ${JSON.stringify(path)}, and ${exposure}: ${fixFor(path, isOurs)}`;
    (isOurs ? findings.problems : findings.warnings).push(line);
  }
}

/** The file that a secret stands in. Variables and credentials are for those who start the gateway to guard. */
function secretPlaceOf({ key, source, origin, raw, inFile }: Statement): string | undefined {
  if (!key.kind.secret || typeof raw !== 'string' || raw === '') return undefined;
  if (inFile) return raw;
  return source === 'file' || source === 'kapacitor.conf' ? origin : undefined;
}

function fixFor(path: string, isOurs: boolean): string {
  const quoted = /^[\w./@+-]+$/.test(path) ? path : JSON.stringify(path);
  return isOurs
    ? `chmod 0640 ${quoted}, and chgrp kapgate ${quoted} (the group of the gateway)`
    : `chmod o-rwx ${quoted}, where the gateway and Kapacitor read it as its owner or group`;
}
