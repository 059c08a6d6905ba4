import { Option } from 'commander';
import type { Command } from 'commander';
import type { AuditOptions } from '../audit/audit.ts';
import { WHEN } from '../audit/when.ts';
import type { CheckOptions } from '../check/check.ts';
import type { ShowConfigOptions } from '../show-config.ts';
import type { TryOptions } from '../try/try.ts';
import type { CommandGroup, Run } from './group.ts';

/** What runs the gateway, and what looks at it. */
export const serviceCommands: CommandGroup = {
  add,
  examples: {
    serve: ['kapgate serve', 'kapgate serve -config /etc/kapacitor/kapacitor.conf'],
    check: ['kapgate check', 'kapgate --config new.toml check --json'],
    config: ['kapgate config', 'KAPGATE_LOG_LEVEL=debug kapgate config'],
    audit: [
      'sudo kapgate audit --since yesterday --denied',
      'sudo kapgate audit --changes --what tasks/cpu',
      'sudo kapgate audit --user eva --since 7d --json',
      'sudo kapgate audit --follow',
      'kapgate audit audit.log.*.gz audit.log',
    ],
    try: ['kapgate try', 'kapgate try --upstream http://127.0.0.1:9192', 'kapgate try --meta'],
  },
};

function add(program: Command, run: Run): void {
  program
    .command('serve')
    .description('run the gateway (also what kapgate does without a command)')
    .action(() => run(async (context) => (await import('../serve.ts')).serve(context)));
  program
    .command('worker', { hidden: true })
    .action(() => run(async (context) => (await import('../work.ts')).work(context)));
  program
    .command('check')
    .description(
      'look at the configuration, the user store, Kapacitor and meta nodes, a line each; exit 1 on any fault',
    )
    .option('--json', 'as JSON')
    .action((options: CheckOptions) =>
      run(async (context) => (await import('../check/check.ts')).check(context, options)),
    );
  program
    .command('config')
    .description('show the effective configuration and where each value came from')
    .option('--json', 'as JSON')
    .addOption(new Option('--docs', 'print docs/configuration.md').hideHelp())
    .action((options: ShowConfigOptions) =>
      run(async (context) => (await import('../show-config.ts')).showConfig(context, options)),
    );
  addAudit(program, run);
  program
    .command('try')
    .description('run a demo on free ports: the gateway, two users and a Kapacitor (or a stand-in)')
    .option('--upstream <url>', 'the Kapacitor to put it before (default: kapacitord on PATH)')
    .option('--meta', 'with the users of an InfluxDB Enterprise meta node, which is played')
    .action((options: TryOptions) =>
      run(async (context) => (await import('../try/try.ts')).tryOut(context, options)),
    );
}

function addAudit(program: Command, run: Run): void {
  program
    .command('audit')
    .description('show who did what, and who was refused: the lines of the audit log, oldest first')
    .argument(
      '[file...]',
      'audit logs, also those packed as .gz, - for standard input (default: [audit] file, and what was rotated)',
    )
    .option('--user <name>', 'by this user, proved or claimed, also on the host')
    .option('--what <thing>', 'about this: tasks/cpu, templates, config/influxdb, users/stan')
    .option('--action <action>', 'a method, or created, updated, deleted, rotated')
    .option('--changes', 'only what changed something; points are no change')
    .option('--denied', 'only what was refused')
    .option('--since <when>', `from then on: ${WHEN}`)
    .option('--until <when>', 'up to then')
    .option('-f, --follow', 'go on with what is appended, through rotations, until it is stopped')
    .option('--json', 'the lines as they are')
    .action((files: string[], options: AuditOptions) =>
      run(async (context) => (await import('../audit/audit.ts')).audit(context, files, options)),
    );
}
