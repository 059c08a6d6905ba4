import { usesMetaNodes } from '../../config/config.ts';
import type { Context } from '../context.ts';
import { withStore } from '../local-store.ts';
import { createProgress } from '../progress.ts';
import { CommandError, EXIT } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { createCheck } from './check.ts';
import type { Check } from './check.ts';
import { createClients } from './clients.ts';
import { readLine } from './entry.ts';
import { readLines, sizeOf } from '../audit/lines.ts';
import { proposalsFor } from './proposals.ts';
import { lessonJson, renderLesson } from './report.ts';
import type { Counts, Lesson } from './report.ts';

export interface LearnOptions {
  readonly check?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** Reads audit logs, and says who came and which users they need. @returns with --check 2 where anything would be refused */
export function learn(
  context: Context,
  files: readonly string[],
  options: LearnOptions,
): Promise<number> {
  if (options.check !== true) return tell(context, files, options, undefined);
  return withStore(context, (store, { config }) => {
    if (usesMetaNodes(config)) {
      throw new CommandError(
        '--check knows local users only, and those of this gateway are on meta nodes',
      );
    }
    const { pingAuthEnabled } = config.http;
    const rightsOf = (name: string) => store.find(name)?.rights();
    return tell(context, files, options, createCheck({ rightsOf, pingAuthEnabled }));
  });
}

async function tell(
  { terminal }: Context,
  files: readonly string[],
  { json }: LearnOptions,
  check: Check | undefined,
): Promise<number> {
  const lesson = await learnFrom(terminal, files, check);
  terminal.out(json === true ? lessonJson(lesson) : renderLesson(lesson));
  return check !== undefined && check.refusals.length > 0 ? EXIT.denied : EXIT.ok;
}

async function learnFrom(
  terminal: Terminal,
  files: readonly string[],
  check: Check | undefined,
): Promise<Lesson> {
  const clients = createClients();
  const counts = { lines: 0, requests: 0, unreadable: 0, foreign: 0, dropped: 0, uncounted: 0 };
  const size = files.reduce((sum, file) => sum + sizeOf(file), 0);
  const progress = createProgress(terminal, 'megabytes read');
  let readBefore = 0;
  for (const file of files) {
    for await (const { lines, tooLong, bytesRead } of readLines(file)) {
      counts.foreign += tooLong;
      for (const line of lines) {
        const entry = count(counts, line);
        if (entry === undefined) continue;
        clients.add(entry);
        check?.add(entry);
      }
      progress.step(megabytes(readBefore + bytesRead), megabytes(size));
    }
    readBefore += sizeOf(file);
  }
  progress.end();
  counts.uncounted = clients.uncounted;
  const { all } = clients;
  return { counts, clients: all, proposals: proposalsFor(all), check };
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}

function count(counts: Counts, line: string) {
  const reading = readLine(line);
  counts.lines += 1;
  switch (reading.kind) {
    case 'entry':
      counts.requests += reading.entry.count;
      return reading.entry;
    case 'unreadable':
      counts.requests += reading.count;
      counts.unreadable += reading.count;
      return undefined;
    case 'dropped':
      counts.dropped += reading.lines;
      return undefined;
    case 'foreign':
      counts.foreign += 1;
      return undefined;
    case 'event':
      return undefined;
  }
}
