import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderDocs } from '../../config/docs.ts';
import type { CommandNode } from '../cli/command-tree.ts';
import { bashCompletion } from '../completion/bash.ts';
import { zshCompletion } from '../completion/zsh.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../terminal.ts';
import { commandPages } from './command-pages.ts';
import type { Edition, Page } from './command-pages.ts';
import { fromMarkdown, titleLine } from './roff.ts';

/** Prints what a shell loads to complete `kapgate …`. */
export function completion({ terminal }: Context, shell: string, tree: CommandNode): number {
  terminal.out(shell === 'zsh' ? zshCompletion(tree) : bashCompletion(tree));
  return EXIT.ok;
}

/** Writes the man pages to DIRECTORY/man and the completions to DIRECTORY/completions: for packages. */
export function writeManual(
  { terminal, version = '' }: Context,
  directory: string,
  tree: CommandNode,
): number {
  const edition = { version, date: dateOf(terminal.env['SOURCE_DATE_EPOCH']) };
  writeAll(join(directory, 'man'), [...commandPages(tree, edition), configPage(edition)]);
  writeAll(join(directory, 'completions'), [
    { file: 'kapgate', text: bashCompletion(tree) },
    { file: '_kapgate', text: zshCompletion(tree) },
  ]);
  return EXIT.ok;
}

function writeAll(directory: string, pages: readonly Page[]): void {
  mkdirSync(directory, { recursive: true });
  for (const { file, text } of pages) writeFileSync(join(directory, file), text);
}

/** Of what is built from, where a build says so: two builds of it are the same. */
function dateOf(epochSeconds = ''): string {
  const ms = /^\d+$/.test(epochSeconds) ? Number(epochSeconds) * 1000 : Date.now();
  return new Date(ms).toISOString().slice(0, 10);
}

/** The same text as docs/configuration.md. */
function configPage(edition: Edition): Page {
  const text = [
    titleLine('kapgate.toml', 5, edition),
    '.SH NAME\nkapgate.toml \\- configuration of kapgate, in gateway.toml\n.SH DESCRIPTION\n',
    fromMarkdown(renderDocs()),
    '.SH "SEE ALSO"\n.BR kapgate (1),\n.BR kapgate\\-config (1),\n.BR kapgate\\-check (1)\n',
  ];
  return { file: 'kapgate.toml.5', text: text.join('') };
}
