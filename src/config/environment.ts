import { DEFAULTS, KEYS } from './defaults.ts';
import { variableOf } from './key.ts';
import type { Key } from './key.ts';
import { didYouMean } from './nearest.ts';
import { oneForEachKey } from './statement.ts';
import type { Findings, Source, Statement } from './statement.ts';

/** The environment: by name, as Node has it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Other spellings in Kapacitor's documents. They yield to the regular one. */
const SPELLINGS: readonly (readonly [string, Key<unknown>])[] = [
  ['KAPACITOR_AUTH_BCRYPT', DEFAULTS.auth.bcryptCost],
  ['KAPACITOR_AUTH_META_USE-tls', DEFAULTS.auth.metaUseTls],
];

/** Where Kapacitor listens, and not where the gateway does. */
const NOT_OURS = 'KAPACITOR_HTTP_BIND_ADDRESS';

/** Variables of ours that are no keys. */
const NO_KEYS: readonly string[] = ['KAPGATE_CONFIG'];

/** What Kubernetes and Docker set for a service that happens to be called kapgate or kapacitor-http. */
const SERVICE_LINK = /^\w+_(?:SERVICE_(?:HOST|PORT\w*)=|PORT_\d+_\w+=|PORT=(?:tcp|udp|sctp):)/;

/** What KAPACITOR_ variables say, for [http] and [auth]. As for Kapacitor, an empty one is not set. */
export function readKapacitorVariables(env: Environment, findings: Findings): readonly Statement[] {
  const statements: Statement[] = [];
  const say = (key: Key<unknown>, name: string): void => {
    const text = env[name] ?? '';
    if (text !== '') statements.push(statementOf(key, 'KAPACITOR_', name, text));
  };
  for (const key of KEYS) {
    const name = `KAPACITOR_${variableOf(key)}`;
    if (!ofKapacitor(key) || name === NOT_OURS) continue;
    say(key, name);
  }
  for (const [name, key] of SPELLINGS) {
    if (!statements.some((each) => each.key === key)) say(key, name);
  }
  if ((env[NOT_OURS] ?? '') !== '') {
    findings.warnings.push(
      `${NOT_OURS} is ignored: it says where Kapacitor listens; the gateway's own is KAPGATE_HTTP_BIND_ADDRESS`,
    );
  }
  return statements;
}

/** What KAPGATE_ variables say. One that is set, even if empty, is the value. */
export function readOwnVariables(env: Environment, findings: Findings): readonly Statement[] {
  const statements: Statement[] = [];
  for (const key of KEYS) {
    const name = `KAPGATE_${variableOf(key)}`;
    const text = env[name];
    if (text !== undefined) statements.push(statementOf(key, 'KAPGATE_', name, text));
    const path = key.kind.secret ? env[`${name}_FILE`] : undefined;
    if (path !== undefined) {
      statements.push({
        key,
        source: 'KAPGATE_',
        origin: `${name}_FILE`,
        raw: path,
        inFile: true,
      });
    }
  }
  return oneForEachKey(statements, findings);
}

/** Tells of variables that look like keys and are none: ours are problems, those said to Kapacitor only noted. */
export function noteUnknownVariables(env: Environment, findings: Findings): void {
  const known = new Set([
    ...NO_KEYS,
    NOT_OURS,
    ...SPELLINGS.map(([name]) => name),
    ...KEYS.flatMap(namesOf),
  ]);
  for (const [name, value = ''] of Object.entries(env)) {
    if (known.has(name) || SERVICE_LINK.test(`${name}=${value}`)) continue;
    const [, family, section = ''] = /^(KAPGATE|KAPACITOR)_([^_]*)_?/.exec(name) ?? [];
    if (family === 'KAPGATE') {
      const hint = didYouMean(
        name,
        [...known].filter((each) => each.startsWith(family)),
      );
      const isSection = Object.hasOwn(DEFAULTS, section.toLowerCase());
      if (isSection) findings.problems.push(`${name}: unknown variable${hint}`);
      else findings.warnings.push(`${name} is no variable of the gateway${hint}`);
    } else if (family === 'KAPACITOR' && (section === 'HTTP' || section === 'AUTH')) {
      findings.warnings.push(`${name} has no meaning for the gateway: it is ignored`);
    }
  }
}

/** Every variable that sets a key, the winning one first. */
export function namesOf(key: Key<unknown>): readonly string[] {
  const own = `KAPGATE_${variableOf(key)}`;
  const kapacitors = `KAPACITOR_${variableOf(key)}`;
  return [
    own,
    ...(key.kind.secret ? [`${own}_FILE`] : []),
    ...(ofKapacitor(key) && kapacitors !== NOT_OURS ? [kapacitors] : []),
    ...SPELLINGS.filter(([, each]) => each === key).map(([name]) => name),
  ];
}

function ofKapacitor(key: Key<unknown>): boolean {
  return key.section === 'http' || key.section === 'auth';
}

function statementOf(key: Key<unknown>, source: Source, origin: string, text: string): Statement {
  return { key, source, origin, raw: key.kind.fromText(text), inFile: false };
}
