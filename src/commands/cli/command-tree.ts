import type { Argument, Command, Option } from 'commander';
import { ACTIONS } from '../audit/filter.ts';

/** A command as --help shows it: for completion and man pages, which so cannot go stale. */
export interface CommandNode {
  /** `users add`; "" for kapgate itself. */
  readonly words: string;
  readonly description: string;
  /** Behind its words: `[options] <name>`. */
  readonly usage: string;
  readonly arguments: readonly ArgumentNode[];
  readonly options: readonly OptionNode[];
  readonly commands: readonly CommandNode[];
  /** What stands above the examples in its help. */
  readonly notes: string;
  readonly examples: readonly string[];
}

interface ArgumentNode {
  /** With its brackets: `[file...]`. */
  readonly term: string;
  readonly name: string;
  readonly description: string;
  readonly isMany: boolean;
  readonly takes: Takes;
}

export interface OptionNode {
  /** As they are typed: `-p`, `--permission`. */
  readonly names: readonly string[];
  /** With its value: `-p, --permission <permission>`. */
  readonly term: string;
  /** With what is allowed, and the default. */
  readonly description: string;
  readonly isMany: boolean;
  /** Undefined where it has no value. */
  readonly value: { readonly name: string; readonly takes: Takes } | undefined;
}

/** What can be typed at a place. */
export type Takes =
  | { readonly kind: 'file' }
  /** One of these, or what begins with one. */
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'anything' };

/** What stands at the foot of a command's help. */
export type FootOf = (words: string) => Pick<CommandNode, 'notes' | 'examples'>;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const PERMISSIONS = ['none', 'api', 'config_api', 'write_points', 'all'];

/** What placeholders stand for that are neither files nor choices of the parser's. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  method: METHODS,
  permission: PERMISSIONS,
  permissions: [...PERMISSIONS, 'admin'],
  action: ACTIONS.filter((each) => !each.includes(' ')),
  when: ['yesterday', 'today', '1h', '24h', '7d'],
};

/** The tree of a program's visible commands. */
export function treeOf(command: Command, footOf: FootOf, words = ''): CommandNode {
  const help = command.createHelp();
  return {
    words,
    description: command.description(),
    usage: command.usage(),
    arguments: command.registeredArguments.map((argument) =>
      argumentOf(
        argument,
        help.visibleCommands(command.parent ?? command).map((each) => each.name()),
      ),
    ),
    options: help.visibleOptions(command).map((option) => ({
      ...optionOf(option),
      description: help.optionDescription(option),
    })),
    commands: help
      .visibleCommands(command)
      .map((each) => treeOf(each, footOf, `${words} ${each.name()}`.trimStart())),
    ...footOf(words),
  };
}

/** @param siblings commands beside its own, which one may be named by it */
function argumentOf(argument: Argument, siblings: readonly string[]): ArgumentNode {
  const { description, variadic, required, argChoices } = argument;
  const name = argument.name();
  const inner = variadic ? `${name}...` : name;
  return {
    term: required ? `<${inner}>` : `[${inner}]`,
    name,
    description,
    isMany: variadic,
    takes: takesOf(name, name === 'command' ? siblings : argChoices),
  };
}

function optionOf(option: Option): Omit<OptionNode, 'description'> {
  const { flags, short, long, argChoices } = option;
  const name = /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1];
  return {
    names: [short, long].filter((each) => each !== undefined),
    term: flags,
    isMany: Array.isArray(option.defaultValue),
    value: name === undefined ? undefined : { name, takes: takesOf(name, argChoices) },
  };
}

function takesOf(name: string, choices: readonly string[] | undefined): Takes {
  const words = choices ?? WORDS[name];
  if (words !== undefined) return { kind: 'words', words };
  return ['file', 'source', 'directory'].includes(name) ? { kind: 'file' } : { kind: 'anything' };
}
