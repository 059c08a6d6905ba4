import { DEFAULTS } from './defaults.ts';
import { labelOf } from './key.ts';
import type { Key } from './key.ts';
import { isOverheard, lastOf } from './statement.ts';
import type { Findings, Statement } from './statement.ts';

const { authEnabled } = DEFAULTS.http;
const { enabled } = DEFAULTS.auth;

/** The values that let more through than the defaults do. */
const OPENERS: ReadonlyMap<Key<unknown>, boolean> = new Map<Key<unknown>, boolean>([
  [authEnabled, false],
  [enabled, false],
  [DEFAULTS.http.pingAuthEnabled, false],
  [DEFAULTS.auth.observe, true],
  [DEFAULTS.auth.bootstrap, true],
]);

/**
 * Takes out what must not count: what would open the gate and was said to Kapacitor, not to the gateway (the
 * stock kapacitor.conf turns both switches off), and meta nodes where users are turned off.
 */
export function settleGate(
  statements: readonly Statement[],
  findings: Findings,
): readonly Statement[] {
  const contradicts = noteContradiction(statements, findings);
  const closed = dropOpeners(statements, findings);
  if (!contradicts) noteContradiction(closed, findings);
  return dropMeta(statements, closed, findings);
}

/** Kapacitor lets anyone in as admin where requests need credentials and there are no users. */
function noteContradiction(statements: readonly Statement[], findings: Findings): boolean {
  const asked = lastOf(statements, authEnabled);
  const users = lastOf(statements, enabled);
  if (users?.raw !== false || (asked !== undefined && asked.raw !== true)) return false;
  // What Kapacitor was told counts only against what Kapacitor was told: else it is simply not taken.
  if (isOverheard(users) && (asked === undefined || !isOverheard(asked))) return false;
  const origin = asked?.origin ?? 'by default';
  findings.problems.push(
    `${labelOf(authEnabled)} = true (${origin}) contradicts ${labelOf(enabled)} = false (${users.origin}): ` +
      'credentials are asked for, and there are no users to check them against. ' +
      `Set ${labelOf(enabled)} = true; or set both to false to leave the gate open`,
  );
  return true;
}

function dropOpeners(statements: readonly Statement[], findings: Findings): readonly Statement[] {
  return statements.filter((each) => {
    if (!isOverheard(each) || OPENERS.get(each.key) !== each.raw) return true;
    if (lastOf(statements, each.key) !== each) return false;
    findings.warnings.push(
      `${labelOf(each.key)} = ${String(each.raw)} (${each.origin}) is not taken: ` +
        'what is said to Kapacitor can close the gate, but not open it',
    );
    return false;
  });
}

/**
 * The stock kapacitor.conf names a meta node that nobody has, beside `enabled = false`. A false that is not taken
 * takes no meta node away either where users are on by another word, or where the gateway's own file names it.
 */
function dropMeta(
  said: readonly Statement[],
  taken: readonly Statement[],
  findings: Findings,
): readonly Statement[] {
  const off = lastOf(taken, enabled) ?? lastOf(said, enabled);
  if (off?.raw !== false) return taken;
  const dropped = taken.filter(
    (each) =>
      each.key.name.startsWith('meta-') &&
      each.raw !== '' &&
      (isOverheard(off) ? isOverheard(each) : each.source !== 'KAPGATE_'),
  );
  if (dropped.length === 0) return taken;
  const names = [...new Set(dropped.map((each) => each.key.name))];
  findings.warnings.push(
    `${names.join(', ')} of [auth] are ignored, because ${labelOf(enabled)} = false (${off.origin})`,
  );
  return taken.filter((each) => !dropped.includes(each));
}
