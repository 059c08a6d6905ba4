import { Option } from 'commander';
import type { Command } from 'commander';
import { check } from '../check/check.ts';
import type { CheckOptions } from '../check/check.ts';
import { serve } from '../serve.ts';
import { showConfig } from '../show-config.ts';
import type { ShowConfigOptions } from '../show-config.ts';
import { tryOut } from '../try/try.ts';
import type { TryOptions } from '../try/try.ts';
import type { CommandGroup, Run } from './group.ts';

/** What runs the gateway, and what looks at it. */
export const serviceCommands: CommandGroup = {
  add,
  examples: {
    serve: ['kapgate serve', 'kapgate serve -config /etc/kapacitor/kapacitor.conf'],
    check: ['kapgate check', 'kapgate --config new.toml check --json'],
    config: ['kapgate config', 'KAPGATE_LOG_LEVEL=debug kapgate config'],
    try: ['kapgate try', 'kapgate try --upstream http://127.0.0.1:9192', 'kapgate try --meta'],
  },
};

function add(program: Command, run: Run): void {
  program
    .command('serve')
    .description('run the gateway (also what kapgate does without a command)')
    .action(() => run(serve));
  program
    .command('check')
    .description(
      'look at the configuration, the user store, Kapacitor and meta nodes, a line each; exit 1 on any fault',
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
    .option('--meta', 'with the users of an InfluxDB Enterprise meta node, which is played')
    .action((options: TryOptions) => run((context) => tryOut(context, options)));
}
