import { Command, CommanderError } from 'commander';
import { nearest } from '../../config/nearest.ts';
import { runAsOwner } from '../as-owner.ts';
import { CommandError, EXIT } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { decisionCommands } from './decision-commands.ts';
import { treeOf } from './command-tree.ts';
import type { CommandGroup, Run } from './group.ts';
import { MANUAL_EXAMPLES, addManualCommands } from './manual-commands.ts';
import { retrofitCommands } from './retrofit-commands.ts';
import { serviceCommands } from './service-commands.ts';
import { subscriptionsCommands } from './subscriptions-commands.ts';
import { usersCommands } from './users-commands.ts';

/** In the order of `kapgate --help`. */
const GROUPS: readonly CommandGroup[] = [
  serviceCommands,
  usersCommands,
  subscriptionsCommands,
  decisionCommands,
  retrofitCommands,
];

/** Runs the command that the arguments name. Never throws. @returns the exit code */
export async function runCommandLine(
  args: readonly string[],
  terminal: Terminal,
  version: string,
): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = createProgram(terminal, version, async (command) => {
    const { config } = program.opts<{ config?: string }>();
    const context = { terminal, version, configFile: config };
    exitCode = (await runAsOwner(context, args, program.args[0])) ?? (await command(context));
  });
  try {
    await program.parseAsync(args.map(withTwoDashes), { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const { explainFailure } = await import('../context.ts');
    terminal.err(explainFailure(thrown));
    return thrown instanceof CommandError ? thrown.exitCode : EXIT.failed;
  }
}

function createProgram(terminal: Terminal, version: string, run: Run): Command {
  const program = new Command('kapgate')
    .description('An authentication gateway for Kapacitor')
    .version(version, '-V, --version')
    .option(
      '-c, --config <file>',
      'configuration file (default: $KAPGATE_CONFIG, ./gateway.toml, /etc/kapgate/gateway.toml)',
    )
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: termOf,
      styleTitle: (title) => terminal.paint('bold', title),
    })
    .showHelpAfterError('(kapgate --help shows what is possible)')
    .exitOverride()
    .helpCommand(false);
  for (const { add } of GROUPS) add(program, run);
  addManualCommands(program, run, () => treeOf(program, footOf));
  addHelpCommand(program);
  addFeet(program, '');
  // As operators type it for kapacitord: `kapgate -config FILE`. What stands beside it was to be a command.
  // Behind the others: they would inherit it.
  program.allowExcessArguments().action(async () => {
    const [word] = program.args;
    if (word !== undefined) refuseCommand(program, word);
    await run(async (context) => (await import('../serve.ts')).serve(context));
  });
  return program;
}

/** Among all commands the name is enough; those of a group show what they take. */
function termOf(command: Command): string {
  const isInGroup = command.parent?.parent !== null && command.parent?.parent !== undefined;
  return isInGroup ? `${command.name()} ${command.usage()}` : command.name();
}

/** Each command of `users` too. */
function addHelpCommand(program: Command): void {
  program
    .command('help')
    .description('show the help of a command')
    .argument('[command...]')
    .action((words: string[]) => {
      let command = program;
      for (const word of words) {
        command =
          command.commands.find((each) => each.name() === word) ?? refuseCommand(command, word);
      }
      command.help();
    });
}

/** In commander's own words for the commands below `users`. */
function refuseCommand(parent: Command, word: string): never {
  const meant = nearest(
    word,
    parent.commands.map((each) => each.name()),
  );
  const hint = meant === undefined ? '' : `\n(Did you mean ${meant}?)`;
  return parent.error(`error: unknown command '${word}'${hint}`);
}

function addFeet(command: Command, words: string): void {
  command.addHelpText('after', footText(words));
  for (const each of command.commands) addFeet(each, `${words} ${each.name()}`.trimStart());
}

/** The foot of a command's help: at least one line to be copied. */
function footText(words: string): string {
  const { notes, examples } = footOf(words);
  return `${notes}\nExamples:\n${examples.map((line) => `  ${line}\n`).join('')}`;
}

/** @param words "" for kapgate itself */
function footOf(words: string): { readonly notes: string; readonly examples: readonly string[] } {
  const name = words === '' ? 'kapgate' : words;
  return {
    notes: GROUPS.map((group) => group.notes?.[name] ?? '').join(''),
    examples: [OWN_EXAMPLES, ...GROUPS.map((group) => group.examples)].flatMap(
      (examples) => examples[name] ?? [],
    ),
  };
}

const OWN_EXAMPLES: CommandGroup['examples'] = {
  kapgate: [
    'kapgate users add root --admin',
    'kapgate serve',
    'kapgate -config /etc/kapacitor/kapacitor.conf',
  ],
  help: ['kapgate help users add'],
  ...MANUAL_EXAMPLES,
};

/** Kapacitor's flags have one dash. */
function withTwoDashes(argument: string): string {
  return /^-config(?:=|$)/.test(argument) ? `-${argument}` : argument;
}
