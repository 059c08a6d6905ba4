import { labelOf } from './key.ts';
import type { Key } from './key.ts';

/** Who says something: in rising order, the later one wins. */
export type Source = 'file' | 'kapacitor.conf' | 'KAPACITOR_' | 'credential' | 'KAPGATE_';

/** What one source says about one key. */
export interface Statement {
  readonly key: Key<unknown>;
  readonly source: Source;
  /** The file, variable or credential by name. */
  readonly origin: string;
  /** The value as TOML would have it; with `inFile` the path of the file that the value is in. */
  readonly raw: unknown;
  readonly inFile: boolean;
}

/** What is found on the way: problems stop the start, all at once; warnings are logged. */
export interface Findings {
  readonly problems: string[];
  readonly warnings: string[];
}

/** What is said last about a key. */
export function lastOf(statements: readonly Statement[], key: Key<unknown>): Statement | undefined {
  return statements.findLast((each) => each.key === key);
}

/** The statements of one source, each key once: a secret and its `-file` exclude each other. */
export function oneForEachKey(
  statements: readonly Statement[],
  findings: Findings,
): readonly Statement[] {
  const kept = statements.filter(
    (each) =>
      each.raw !== '' || !statements.some((other) => other.key === each.key && other !== each),
  );
  kept.forEach((each, index) => {
    const other = kept.slice(0, index).find((before) => before.key === each.key);
    if (other !== undefined) {
      findings.problems.push(
        `${labelOf(each.key)}: found twice, in ${other.origin} and ${each.origin}. Say it once`,
      );
    }
  });
  return kept;
}

/** True where it is said to Kapacitor, and the gateway only overhears it: it can close the gate, not open it. */
export function isOverheard(statement: Statement): boolean {
  return statement.source === 'kapacitor.conf' || statement.source === 'KAPACITOR_';
}
