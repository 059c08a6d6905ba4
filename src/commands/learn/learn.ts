import { usesMetaNodes } from '../../config/config.ts';
import type { Context } from '../context.ts';
import { withStore } from '../local-store.ts';
import { CommandError, EXIT } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { createCheck } from './check.ts';
import type { Check } from './check.ts';
import { createClients } from './clients.ts';
import { readLine } from './entry.ts';
import { readLines, sizeOf } from './lines.ts';
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
  const lesson = await learnFrom(files, check, createProgress(terminal, files));
  terminal.out(json === true ? lessonJson(lesson) : renderLesson(lesson));
  return check !== undefined && check.refusals.length > 0 ? EXIT.denied : EXIT.ok;
}

async function learnFrom(
  files: readonly string[],
  check: Check | undefined,
  progress: Progress,
): Promise<Lesson> {
  const clients = createClients();
  const counts = { lines: 0, requests: 0, unreadable: 0, foreign: 0, dropped: 0, uncounted: 0 };
  for (const file of files) {
    for await (const { lines, tooLong, bytesRead } of readLines(file)) {
      counts.foreign += tooLong;
      for (const line of lines) {
        const entry = count(counts, line);
        if (entry === undefined) continue;
        clients.add(entry);
        check?.add(entry);
      }
      progress.at(file, bytesRead);
    }
  }
  progress.end();
  counts.uncounted = clients.uncounted;
  const { all } = clients;
  return { counts, clients: all, proposals: proposalsFor(all), check };
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

interface Progress {
  at(file: string, bytesRead: number): void;
  end(): void;
}

/** What takes longer than a moment to read. */
const LARGE_BYTES = 32 * 1024 * 1024;

/** How far it is, on a terminal, where the files are large. */
function createProgress(terminal: Terminal, files: readonly string[]): Progress {
  const sizes = files.map((file) => sizeOf(file));
  const all = sizes.reduce((sum, size) => sum + size, 0);
  const isTold = terminal.isInteractive && all > LARGE_BYTES;
  let toldPercent = -1;
  return {
    at: (file, bytesRead) => {
      if (!isTold) return;
      const before = sizes.slice(0, files.indexOf(file)).reduce((sum, size) => sum + size, 0);
      const percent = Math.min(100, Math.floor(((before + bytesRead) / all) * 100));
      if (percent === toldPercent) return;
      toldPercent = percent;
      terminal.err(`\r${percent} % read`);
    },
    end: () => {
      if (isTold) terminal.err('\r          \r');
    },
  };
}
