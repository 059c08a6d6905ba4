import type { CommandNode } from '../cli/command-tree.ts';
import { item, roff, titleLine, verbatim } from './roff.ts';

/** A man page: `kapgate-users.1`, and its text. */
export interface Page {
  readonly file: string;
  readonly text: string;
}

export interface Edition {
  readonly version: string;
  /** YYYY-MM-DD */
  readonly date: string;
}

/** kapgate(1), and a page for each of its commands. */
export function commandPages(tree: CommandNode, edition: Edition): readonly Page[] {
  const { commands } = tree;
  return [mainPage(tree, edition), ...commands.map((each) => commandPage(each, edition))];
}

function mainPage(tree: CommandNode, edition: Edition): Page {
  const pages = tree.commands.map(({ words }) => `.BR ${roff(`kapgate-${words}`)} (1),\n`);
  return {
    file: 'kapgate.1',
    text: [
      titleLine('kapgate', 1, edition),
      nameSection('kapgate', tree.description),
      '.SH SYNOPSIS\n.B kapgate\n[\\fIoptions\\fR] [\\fIcommand\\fR]\n',
      `.SH DESCRIPTION\n${DESCRIPTION}`,
      '.SH COMMANDS\n',
      ...tree.commands.map(({ words, description }) => item(words, sentence(description))),
      optionsOf(tree, '.SH OPTIONS\n'),
      `.SH EXAMPLES\n${verbatim(tree.examples)}`,
      FILES,
      EXIT_STATUS,
      `.SH "SEE ALSO"\n${pages.join('')}.BR kapgate.toml (5)\n`,
    ].join(''),
  };
}

function commandPage(node: CommandNode, edition: Edition): Page {
  const name = `kapgate-${node.words}`;
  return {
    file: `${name}.1`,
    text: [
      titleLine(name, 1, edition),
      nameSection(name, node.description),
      '.SH SYNOPSIS\n',
      (node.commands.length === 0 ? [node] : node.commands).map(synopsisOf).join('.br\n'),
      `.SH DESCRIPTION\n${roff(sentence(node.description))}\n`,
      node.commands.length === 0 ? bodyOf(node, '.SH ') : node.commands.map(subsectionOf).join(''),
      ...(node.commands.length === 0 ? [] : [`.SH EXAMPLES\n${verbatim(node.examples)}`]),
      EXIT_STATUS,
      '.SH "SEE ALSO"\n.BR kapgate (1),\n.BR kapgate.toml (5)\n',
    ].join(''),
  };
}

function nameSection(name: string, description: string): string {
  const [brief = ''] = description.split(/[;:]/);
  return `.SH NAME\n${roff(name)} \\- ${roff(brief)}\n`;
}

function sentence(description: string): string {
  return `${description.charAt(0).toUpperCase()}${description.slice(1)}.`;
}

function synopsisOf({ words, usage }: CommandNode): string {
  return `.B kapgate ${roff(words)}\n${roff(usage)}\n`;
}

function subsectionOf(node: CommandNode): string {
  const title = `.SS "kapgate ${roff(node.words)} ${roff(node.usage)}"\n`;
  return `${title}${roff(sentence(node.description))}\n${bodyOf(node, '.PP\n')}`;
}

/** @param heads `.SH ` where arguments, options and examples have sections of their own */
function bodyOf(node: CommandNode, heads: '.SH ' | '.PP\n'): string {
  const head = (words: string): string =>
    heads === '.SH ' ? `.SH ${words.toUpperCase()}\n` : `.PP\n${words}:\n`;
  const described = node.arguments.filter(({ description }) => description !== '');
  const taken = described.map(({ term, description }) => item(term, description));
  return [
    taken.length === 0 ? '' : head('Arguments') + taken.join(''),
    optionsOf(node, head('Options')),
    ...noteBlocks(node.notes),
    `${head('Examples')}${verbatim(node.examples)}`,
  ].join('');
}

function optionsOf({ options }: CommandNode, head: string): string {
  return head + options.map(({ term, description }) => item(term, description)).join('');
}

/** `Permissions:` and its lines, each with two columns. */
function noteBlocks(notes: string): readonly string[] {
  return notes
    .split('\n\n')
    .map((block) => block.trim().split('\n'))
    .filter(([first]) => first !== '')
    .map(([title = '', ...lines]) => {
      const items = lines.map((line) => /^\s*(\S+)\s{2,}(.*)$/.exec(line) ?? ['', line, '']);
      return `.PP\n${roff(title)}\n${items.map(([, term = '', text = '']) => item(term, text)).join('')}`;
    });
}

const DESCRIPTION = `Kapgate stands before a Kapacitor that asks nobody for credentials. It checks who sends a request and what they
may do, and passes on what is allowed. Without a command it is
.BR kapgate\\-serve (1).
Each command shows its options with
.BR \\-\\-help .
`;

const FILES = `.SH FILES
.TP
.I /etc/kapgate/gateway.toml
The configuration, where neither
.B \\-\\-config
nor
.B KAPGATE_CONFIG
names another and no gateway.toml is in the working directory.
.TP
.I /var/lib/kapgate
The users and subscriptions.
`;

const EXIT_STATUS = `.SH "EXIT STATUS"
.TP
.B 0
Done.
.TP
.B 1
Failed.
.TP
.B 2
Denied, where a command was to say whether something is allowed.
.TP
.B 64
Wrong usage.
`;
