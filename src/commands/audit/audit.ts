import { escapeControls } from '../../kernel/json-line.ts';
import { createColumns } from '../columns.ts';
import { loadForCommand } from '../context.ts';
import type { Context } from '../context.ts';
import { CommandError, EXIT } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { readEvent } from './event.ts';
import type { AuditEvent } from './event.ts';
import { createFilter } from './filter.ts';
import type { Filter, FilterOptions } from './filter.ts';
import { followLines } from './follow.ts';
import { readLines, splitLines } from './lines.ts';
import { STDIN, configuredSources, inOrder } from './sources.ts';

export interface AuditOptions extends FilterOptions {
  readonly follow?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** Reads the audit log, or the files that are named, and shows of it what is asked for. */
export async function audit(
  context: Context,
  files: readonly string[],
  options: AuditOptions,
): Promise<number> {
  const { terminal } = context;
  const filter = createFilter(options, Date.now());
  const named = files.length === 0 ? configuredSources(loadForCommand(context)) : files;
  const last = options.follow === true ? followed(named) : undefined;
  const others = named.filter((file) => file !== last);
  const report = options.json === true ? jsonReport(terminal) : tableReport(terminal);
  const taking: Taking = { filter, report, counts: { shown: 0, foreign: 0, dropped: 0 } };
  for (const file of await inOrder(others, filter.sinceMs)) {
    const pieces = file === STDIN ? splitLines(terminal.stdin) : readLines(file);
    for await (const { lines, tooLong } of pieces) {
      taking.counts.foreign += tooLong;
      take(taking, lines);
      await terminal.drained?.();
    }
  }
  if (last !== undefined) await follow(taking, last, terminal);
  report.end();
  tellCounts(terminal, taking.counts);
  return EXIT.ok;
}

interface Report {
  readonly show: (event: AuditEvent, line: string) => void;
  /** Everything there is has been shown: more may come. */
  readonly pause: () => void;
  readonly end: () => void;
}

interface Taking {
  readonly filter: Filter;
  readonly report: Report;
  readonly counts: { shown: number; foreign: number; dropped: number };
}

function take({ filter, report, counts }: Taking, lines: readonly string[]): void {
  for (const line of lines) {
    if (!filter.mayTake(line)) continue;
    const reading = readEvent(line);
    switch (reading.kind) {
      case 'event':
        if (!filter.takes(reading.event)) break;
        counts.shown += 1;
        report.show(reading.event, line);
        break;
      case 'dropped':
        counts.dropped += reading.lines;
        break;
      case 'foreign':
        counts.foreign += 1;
        break;
    }
  }
}

/** The file that is still written. @throws CommandError */
function followed(files: readonly string[]): string {
  const live = files.filter((file) => file !== STDIN && !file.endsWith('.gz'));
  const last = files.length === 1 ? live[0] : live.at(-1);
  if (last !== undefined) return last;
  throw new CommandError('--follow needs a file that is still written', EXIT.usage);
}

async function follow(taking: Taking, file: string, terminal: Terminal): Promise<void> {
  const end = new AbortController();
  terminal.onStop(() => {
    end.abort();
  });
  for await (const lines of followLines(file, end.signal)) {
    take(taking, lines);
    if (lines.length === 0) taking.report.pause();
    await terminal.drained?.();
  }
}

/** The lines as they are. */
function jsonReport({ out }: Terminal): Report {
  const nothing = (): void => undefined;
  return {
    show: (_, line) => {
      out(`${escapeControls(line)}\n`);
    },
    pause: nothing,
    end: nothing,
  };
}

const HEAD = ['TIME', 'USER', 'FROM', 'RESULT', 'ACTION', 'WHAT', 'WHY'];
const RESULT = HEAD.indexOf('RESULT');

function tableReport({ out, paint }: Terminal): Report {
  const columns = createColumns(HEAD, out, (cell, column) => {
    if (column !== RESULT) return cell;
    return /^[45]| would be /.test(cell) ? paint('red', cell) : cell;
  });
  return {
    show: (event) => {
      columns.add(rowOf(event).map(escapeControls));
    },
    pause: columns.flush,
    end: columns.flush,
  };
}

function rowOf(event: AuditEvent): readonly string[] {
  const { fromMs, user, claimed, address, result, action, what, count, detail } = event;
  return [
    new Date(fromMs).toISOString().replace(/\.\d+Z$/, 'Z'),
    user === '' ? (claimed === '' ? '-' : `${claimed}?`) : user,
    address === '' ? '-' : address,
    result,
    action === '' ? '-' : action,
    (what === '' ? '-' : what) + (count === 1 ? '' : ` (${count} times)`),
    detail,
  ];
}

function tellCounts({ err, isInteractive }: Terminal, counts: Taking['counts']): void {
  const { shown, foreign, dropped } = counts;
  if (shown === 0 && isInteractive) err('kapgate: no line of it is about that\n');
  if (foreign > 0) err(`kapgate: ${foreign} lines are none of an audit log\n`);
  if (dropped > 0) {
    err(`kapgate: ${dropped} lines are missing: the gateway could not write them then\n`);
  }
}
