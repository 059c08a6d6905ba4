import { parseToml } from '../../config/toml.ts';
import type { Document } from '../../config/toml.ts';
import { tomlOf } from '../../config/settings.ts';

/** One key of a kapacitor.conf that must become another. */
export interface Change {
  readonly section: string;
  /** Which of several [[section]]; 0 where there is only one. */
  readonly index: number;
  readonly key: string;
  /** Undefined where the file does not say it. */
  readonly from: string | number | boolean | undefined;
  readonly to: string | number | boolean;
  readonly why: string;
}

interface Edit {
  /** The line that is replaced, or behind which a new one is put in. */
  readonly at: number;
  readonly old: string | undefined;
  readonly new: readonly string[];
  readonly section: string;
}

/**
 * The changes as a unified diff of the file, without context: the lines around may hold passwords. Undefined where
 * its sections are written in a way that lines alone don't show.
 */
export function diffOf(text: string, path: string, changes: readonly Change[]): string | undefined {
  const lines = text.split('\n');
  const edits: Edit[] = [];
  for (const change of changes) {
    const edit = editFor(lines, change);
    if (edit === undefined) return undefined;
    edits.push(edit);
  }
  edits.sort((one, other) => one.at - other.at);
  return holds(applied(lines, edits), changes) ? rendered(edits, path) : undefined;
}

/** A line of a kapacitor.conf. */
export function lineOf({ key }: Pick<Change, 'key'>, value: Change['to']): string {
  return `${key} = ${tomlOf(value)}`;
}

function editFor(lines: readonly string[], change: Change): Edit | undefined {
  const start = headerLine(lines, change);
  if (start === undefined) return undefined;
  const section = lines[start]?.trim() ?? '';
  const next = lines.findIndex((line, at) => at > start && HEADER.test(line));
  const end = next === -1 ? lines.length : next;
  const at = lines.findIndex(
    (line, index) => index > start && index < end && keyOf(line) === change.key,
  );
  const old = lines[at];
  if (old === undefined) {
    const beside = lines.slice(start + 1, end).find((line) => keyOf(line) !== undefined) ?? '  ';
    const indent = /^\s*/.exec(beside)?.[0] ?? '';
    const lineEnd = lines[start]?.endsWith('\r') === true ? '\r' : '';
    return { at: start, old, new: [`${indent}${lineOf(change, change.to)}${lineEnd}`], section };
  }
  const value = VALUE.exec(old);
  if (value === null) return undefined;
  return { at, old, new: [`${value[1] ?? ''}${tomlOf(change.to)}${value[2] ?? ''}`], section };
}

const HEADER = /^\s*\[\[?\s*([^[\]]+?)\s*\]\]?\s*(?:#[^\n]*)?$/;
const KEY = /^\s*"?([\w-]+)"?\s*=/;
/** What stands before a value and behind it. */
const VALUE = /^([^=]*=\s*)(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s#"']+)([^\n]*)$/;

function keyOf(line: string): string | undefined {
  return KEY.exec(line)?.[1]?.toLowerCase();
}

function headerLine(lines: readonly string[], { section, index }: Change): number | undefined {
  return lines.flatMap((line, at) =>
    HEADER.exec(line)?.[1]?.toLowerCase() === section ? [at] : [],
  )[index];
}

function applied(lines: readonly string[], edits: readonly Edit[]): string {
  return lines
    .flatMap((line, at) => {
      const own = edits.filter((edit) => edit.at === at);
      const replaced = own.some((edit) => edit.old !== undefined);
      return [...(replaced ? [] : [line]), ...own.flatMap((edit) => edit.new)];
    })
    .join('\n');
}

/** True where a parser finds in the edited file what was to be there: a line may have been part of a text. */
function holds(text: string, changes: readonly Change[]): boolean {
  const parsed = parseToml(text);
  if ('refused' in parsed) return false;
  return changes.every(({ section, index, key, to }) => {
    const found = below(parsed.document, section);
    const one: unknown = Array.isArray(found) ? found[index] : found;
    return below(one, key) === to;
  });
}

function below(found: unknown, name: string): unknown {
  if (typeof found !== 'object' || found === null) return undefined;
  const document: Document = { ...found };
  const own = Object.keys(document).find((each) => each.toLowerCase() === name);
  return own === undefined ? undefined : document[own];
}

function rendered(edits: readonly Edit[], path: string): string {
  let shift = 0;
  const hunks = edits.map((edit) => {
    const count = edit.new.length;
    const place =
      edit.old === undefined
        ? `@@ -${edit.at + 1},0 +${edit.at + 2 + shift},${count} @@`
        : `@@ -${edit.at + 1} +${edit.at + 1 + shift} @@`;
    if (edit.old === undefined) shift += count;
    const minus = edit.old === undefined ? '' : `-${edit.old}\n`;
    return `${place} ${edit.section}\n${minus}${edit.new.map((line) => `+${line}\n`).join('')}`;
  });
  return `--- ${path}\n+++ ${path}\n${hunks.join('')}`;
}
