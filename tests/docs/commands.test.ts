import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { runCommandLine } from '../../src/commands/cli/command-line.ts';
import type { Terminal } from '../../src/commands/terminal.ts';
import { codeOf, documents, read } from './tree.ts';
import { unreadStreams } from '../support/streams.ts';

const GLOBAL = '--config --help --version';

describe('the commands that the documents show', () => {
  test.each(documents())(
    '%s shows only commands and options that --help knows',
    async (document) => {
      const unknown: string[] = [];
      for (const { words, options, line } of commandsIn(read(document))) {
        const help = await helpOf(words);
        const isKnown = help.startsWith(`Usage: kapgate ${words.join(' ')}`.trimEnd());
        const known = `${help} ${GLOBAL}`.split(/[\s,]+/);
        if (!isKnown || options.some((option) => !known.includes(option))) unknown.push(line);
      }
      expect(unknown).toEqual([]);
    },
  );

  test.each(documents())('%s shows only npm scripts that there are', (document) => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = codeOf(read(document)).flatMap((code) => [
      ...code.matchAll(/\bnpm (?:run (?:--silent )?([\w-]+)|(test)\b)/g),
    ]);
    const names = named.map(([, script, test]) => script ?? test ?? '');
    expect(names.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });
});

interface Shown {
  /** The command's words: `users add`. */
  readonly words: readonly string[];
  /** Its options: `--admin`. */
  readonly options: readonly string[];
  readonly line: string;
}

const GROUPS = ['users', 'subscriptions'];

/** Where a command begins: at the line's start, behind sudo, a prompt, a variable or a pipe. */
const COMMAND =
  /(?:^|[|;(] *)(?:\$ )?(?:sudo )?(?:\w+=\S+ )*(?:kapgate|node dist\/main\.js)((?: [^|;&#]*)?)/g;

function commandsIn(markdown: string): readonly Shown[] {
  return codeOf(markdown).flatMap((line) =>
    [...line.matchAll(COMMAND)].flatMap(([, rest = '']) => shown(rest, line)),
  );
}

function shown(rest: string, line: string): readonly Shown[] {
  const tokens = rest.trim().split(/\s+/);
  // Options before the command have a value each: --config FILE.
  while (/^-{1,2}(?:config|c)$/.test(tokens[0] ?? '')) tokens.splice(0, 2);
  const [command = '', action = ''] = tokens;
  if (!/^[a-z]+$/.test(command) && !command.startsWith('-')) return [];
  const words = command.startsWith('-') ? [] : [command];
  if (GROUPS.includes(command) && /^[a-z]+$/.test(action)) words.push(action);
  const options = tokens.filter((token) => /^-(?:-[a-z]|[a-z]$)/.test(token));
  return [{ words, options: options.map((option) => option.split('=')[0] ?? ''), line }];
}

async function helpOf(words: readonly string[]): Promise<string> {
  let out = '';
  const terminal: Terminal = {
    stdin: Readable.from([]),
    env: {},
    process: {},
    ...unreadStreams(),
    isInteractive: false,
    out: (text) => void (out += text),
    err: (text) => void (out += text),
    onStop: () => undefined,
    onReload: () => undefined,
    onReopen: () => undefined,
    program: '/nonexistent/kapgate',
    paint: (_, text) => text,
  };
  await runCommandLine([...words, '--help'], terminal, '0');
  return out;
}
