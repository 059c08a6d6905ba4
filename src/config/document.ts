import { goQuote } from '../kernel/go-text.ts';
import { KEYS, SECTIONS, keyOf } from './defaults.ts';
import { isKapacitors, isMeaningless } from './kapacitor-conf.ts';
import { labelOf } from './key.ts';
import { didYouMean, nearest } from './nearest.ts';
import { oneForEachKey } from './statement.ts';
import type { Findings, Statement } from './statement.ts';
import type { Document } from './toml.ts';

interface ReadFrom {
  readonly path: string;
  readonly source: 'file' | 'kapacitor.conf';
}

/** What a configuration file says. Of a kapacitor.conf only [http] and [auth] are read. */
export function readDocument(
  document: Document,
  from: ReadFrom,
  findings: Findings,
): readonly Statement[] {
  const stray = Object.entries(document).filter(([name]) => !SECTIONS.includes(name));
  if (from.source === 'kapacitor.conf') {
    findings.warnings.push(kapacitorLine(from.path, stray));
  } else {
    const problems = stray.map(([name, value]) => `${strayName(name, value)} (${from.path})`);
    findings.problems.push(...problems);
  }
  const statements = Object.entries(document)
    .filter(([name]) => SECTIONS.includes(name))
    .flatMap(([name, value]) => readSection(name, value, from, findings));
  return oneForEachKey(statements, findings);
}

function readSection(
  section: string,
  table: unknown,
  from: ReadFrom,
  findings: Findings,
): readonly Statement[] {
  if (!isTable(table)) {
    const found = holdsTables(table) ? `[[${section}]]` : `${section} = …`;
    findings.problems.push(
      `[${section}]: found ${found} in ${from.path}. Write [${section}] once, and its keys below`,
    );
    return [];
  }
  const statements: Statement[] = [];
  for (const [name, raw] of Object.entries(table)) {
    const statement = statementOf(section, name, raw, from);
    if (statement !== undefined) statements.push(statement);
    else if (isMeaningless(section, name)) {
      findings.warnings.push(
        `${labelOf({ section, name })} (${from.path}) has no meaning for the gateway: it is ignored`,
      );
    } else findings.problems.push(`${unknownKey(section, name)} (${from.path})`);
  }
  return statements;
}

function statementOf(
  section: string,
  name: string,
  raw: unknown,
  { path, source }: ReadFrom,
): Statement | undefined {
  const key = keyOf(section, name);
  if (key !== undefined) return { key, source, origin: path, raw, inFile: false };
  const secret = keyOf(section, name.replace(/-file$/, ''));
  return secret?.kind.secret === true
    ? { key: secret, source, origin: `${name} of ${path}`, raw, inFile: true }
    : undefined;
}

function unknownKey(section: string, name: string): string {
  const elsewhere = KEYS.filter((key) => key.name === name && key.section !== section);
  const names = KEYS.filter((key) => key.section === section).map((key) => key.name);
  const hint =
    elsewhere.length > 0
      ? `; it belongs to ${elsewhere.map((key) => `[${key.section}]`).join(' or ')}`
      : didYouMean(name, names);
  return `[${section}] ${quoted(name)}: unknown key${hint}`;
}

/** What is wrong with a top-level name that is no section of ours. */
function strayName(name: string, value: unknown): string {
  const isSection = holdsTables(value);
  const label = isSection ? `[${quoted(name)}]` : quoted(name);
  if (isKapacitors(name)) {
    return `${label}: this is Kapacitor's own, and belongs into its kapacitor.conf`;
  }
  if (isSection) return `${label}: unknown section${didYouMean(name, SECTIONS)}`;
  const meant = nearest(
    name,
    KEYS.map((key) => key.name),
  );
  const sections = KEYS.filter((key) => key.name === meant).map((key) => `[${key.section}]`);
  const hint = meant === undefined ? '' : `; did you mean ${meant} below ${sections.join(' or ')}?`;
  return `${label}: this key stands before any section${hint}`;
}

function kapacitorLine(path: string, ignored: readonly (readonly [string, unknown])[]): string {
  const names = ignored.map(([name, value]) =>
    holdsTables(value) ? `[${quoted(name)}]` : quoted(name),
  );
  const rest = names.length === 0 ? '' : `; ignored are ${names.join(', ')}`;
  return `${path} is read as a kapacitor.conf: its [http] and [auth] can close the gate, but not open it${rest}`;
}

function isTable(value: unknown): value is Document {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
  );
}

function holdsTables(value: unknown): boolean {
  return isTable(value) || (Array.isArray(value) && value.length > 0 && value.every(isTable));
}

/** Bare where TOML allows it: what stands in a file must not break the line it is told in. */
function quoted(name: string): string {
  return /^[\w-]+$/.test(name) ? name : goQuote(name);
}
