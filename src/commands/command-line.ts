import { Command, CommanderError, Option } from 'commander';
import { nearest } from '../config/nearest.ts';
import { check } from './check.ts';
import type { CheckOptions } from './check.ts';
import { explainFailure } from './context.ts';
import type { Context } from './context.ts';
import { explain } from './explain.ts';
import type { ExplainOptions } from './explain.ts';
import { hash } from './hash.ts';
import type { HashOptions } from './hash.ts';
import { footOf } from './help-texts.ts';
import { serve } from './serve.ts';
import { showConfig } from './show-config.ts';
import type { ShowConfigOptions } from './show-config.ts';
import { CommandError, EXIT } from './terminal.ts';
import type { Terminal } from './terminal.ts';
import { token } from './token.ts';
import type { TokenOptions } from './token.ts';
import { tryOut } from './try/try.ts';
import type { TryOptions } from './try/try.ts';
import {
  addUser,
  changePassword,
  deleteUser,
  grant,
  listUsers,
  revoke,
  showUser,
} from './users.ts';
import type { AddOptions } from './users.ts';
import type { PasswordSource } from './ask-password.ts';

/** Lets a command run with what the command line said. */
type Run = (command: (context: Context) => Promise<number> | number) => Promise<void>;

/** Runs the command that the arguments name. Never throws. @returns the exit code */
export async function runCommandLine(
  args: readonly string[],
  terminal: Terminal,
  version: string,
): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = createProgram(terminal, version, async (command) => {
    const { config } = program.opts<{ config?: string }>();
    exitCode = await command({ terminal, configFile: config });
  });
  try {
    await program.parseAsync(args.map(withTwoDashes), { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
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
    .showHelpAfterError('(kapgate --help shows what is possible)')
    .exitOverride()
    .helpCommand(false);
  addServiceCommands(program, run);
  addUsersCommands(program, run);
  addDecisionCommands(program, run);
  addHelpCommand(program);
  addFeet(program, '');
  // As operators type it for kapacitord: `kapgate -config FILE`. What stands beside it was to be a command.
  // Behind the others: they would inherit it.
  program.allowExcessArguments().action(async () => {
    const [word] = program.args;
    if (word !== undefined) refuseCommand(program, word);
    await run(serve);
  });
  return program;
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
  command.addHelpText('after', footOf(words === '' ? command.name() : words));
  for (const each of command.commands) addFeet(each, `${words} ${each.name()}`.trimStart());
}

function addServiceCommands(program: Command, run: Run): void {
  program
    .command('serve')
    .description('run the gateway (also what kapgate does without a command)')
    .action(() => run(serve));
  program
    .command('check')
    .description(
      'look at the configuration, the user store and Kapacitor, a line each; exit 1 on any fault',
    )
    .option('--json', 'as JSON')
    .action((options: CheckOptions) => run((context) => check(context, options)));
  program
    .command('config')
    .description('show the effective configuration and where each value came from')
    .option('--json', 'as JSON')
    .addOption(new Option('--docs', 'print docs/configuration.md').hideHelp())
    .action((options: ShowConfigOptions) => run((context) => showConfig(context, options)));
  program
    .command('try')
    .description('run a demo on free ports: the gateway, two users and a Kapacitor (or a stand-in)')
    .option('--upstream <url>', 'the Kapacitor to put it before (default: kapacitord on PATH)')
    .action((options: TryOptions) => run((context) => tryOut(context, options)));
}

function addDecisionCommands(program: Command, run: Run): void {
  program
    .command('explain')
    .description('show step by step why a request is allowed or denied; exit 0 allowed, 2 denied')
    .argument('<method>', 'GET, POST, …')
    .argument('<target>', 'path and query, as in the request line')
    .requiredOption('--user <name>', 'who asks')
    .option('--json', 'as JSON')
    .action((method: string, target: string, options: ExplainOptions) =>
      run((context) => explain(context, method, target, options)),
    );
  program
    .command('token')
    .description('print a bearer token, signed with [http] shared-secret')
    .requiredOption('--user <name>', 'whose token')
    .option('--expires <duration>', 'how long it is good for', '1h')
    .action((options: TokenOptions) => run((context) => token(context, options)));
  withPassword(program.command('hash').description('print the bcrypt hash of a password'))
    .option('--cost <number>', 'bcrypt cost, 4 to 31', '10')
    .action((options: HashOptions) => run((context) => hash(context, options)));
}

interface Listing {
  readonly json?: boolean;
}

/** `kapgate users …` */
function addUsersCommands(program: Command, run: Run): void {
  const users = program
    .command('users')
    .description(
      'list and change the users of the local store; it makes no difference whether the gateway runs',
    )
    .helpCommand(false);
  addReading(users, run);
  addMaking(users, run);
  addGranting(users, run);
}

function addReading(users: Command, run: Run): void {
  users
    .command('list')
    .description('list all users')
    .option('--json', 'as JSON, a line each')
    .action((options: Listing) => run((context) => listUsers(context, options)));
  users
    .command('show')
    .description('show one user')
    .argument('<name>')
    .option('--json', 'as JSON')
    .action((name: string, options: Listing) => run((context) => showUser(context, name, options)));
}

function addMaking(users: Command, run: Run): void {
  withPassword(users.command('add').description('add a user; the password is asked for'))
    .argument('<name>')
    .option('--admin', 'may do all')
    .addOption(
      new Option('-p, --permission <permission>', 'may be given more than once')
        .argParser(collect)
        .default([], 'none'),
    )
    .action((name: string, options: AddOptions) =>
      run((context) => addUser(context, name, options)),
    );
  withPassword(users.command('passwd').description('change a password; the old one ends at once'))
    .argument('<name>')
    .action((name: string, source: PasswordSource) =>
      run((context) => changePassword(context, name, source)),
    );
  users
    .command('delete')
    .description('delete a user; they are refused at once')
    .argument('<name>')
    .action((name: string) => run((context) => deleteUser(context, name)));
}

function addGranting(users: Command, run: Run): void {
  users
    .command('grant')
    .description('add permissions to a user, or make them an admin')
    .argument('<name>')
    .argument('<permissions...>', 'permissions, or admin')
    .action((name: string, words: string[]) => run((context) => grant(context, name, words)));
  users
    .command('revoke')
    .description('take permissions from a user, or being an admin')
    .argument('<name>')
    .argument('<permissions...>', 'permissions as users show prints them, or admin')
    .action((name: string, words: string[]) => run((context) => revoke(context, name, words)));
}

function withPassword(command: Command): Command {
  return command
    .option('--password-stdin', 'read the password from standard input')
    .addOption(
      new Option('--password-file <file>', 'read the password from a file').conflicts(
        'passwordStdin',
      ),
    );
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** Kapacitor's flags have one dash. */
function withTwoDashes(argument: string): string {
  return /^-config(?:=|$)/.test(argument) ? `-${argument}` : argument;
}
