import type { Command } from 'commander';
import type { AddOptions, RotateOptions } from '../subscriptions/subscriptions.ts';
import { repeatable } from './group.ts';
import type { CommandGroup, Listing, Run } from './group.ts';

/** `kapgate subscriptions …` */
export const subscriptionsCommands: CommandGroup = {
  add,
  examples: {
    subscriptions: [
      'kapgate subscriptions add influxdb',
      'kapgate subscriptions list',
      'kapgate subscriptions rotate influxdb',
    ],
    'subscriptions add': [
      'kapgate subscriptions add influxdb',
      'kapgate subscriptions add influxdb --db telegraf --gateway http://gateway:9092',
      'kapgate subscriptions add influxdb --influxdb http://localhost:8086',
    ],
    'subscriptions list': ['kapgate subscriptions list', 'kapgate subscriptions list --json'],
    'subscriptions rotate': [
      'kapgate subscriptions rotate influxdb',
      'kapgate subscriptions rotate influxdb --keep 24h --influxdb http://localhost:8086',
      'kapgate subscriptions rotate influxdb --confirm',
    ],
    'subscriptions revoke': ['kapgate subscriptions revoke influxdb'],
  },
};

function add(program: Command, run: Run): void {
  const subscriptions = program
    .command('subscriptions')
    .description('the secret paths that InfluxDB writes through')
    .helpCommand(false);
  addGiving(subscriptions, run);
  subscriptions
    .command('list')
    .description('list all subscriptions, and when each secret was last used')
    .option('--json', 'as JSON, a line each')
    .action((options: Listing) =>
      run(async (context) =>
        (await import('../subscriptions/list.ts')).listSubscriptions(context, options),
      ),
    );
  subscriptions
    .command('revoke')
    .description('take a subscription away; its writes are refused at once')
    .argument('<name>')
    .action((name: string) =>
      run(async (context) =>
        (await import('../subscriptions/subscriptions.ts')).revokeSubscription(context, name),
      ),
    );
}

function addGiving(subscriptions: Command, run: Run): void {
  withHandover(
    subscriptions
      .command('add')
      .description('make a subscription, and print its secret path and where it is to be used')
      .argument('<name>')
      .addOption(repeatable('--db <database>', 'it may write to; may be given more than once')),
  ).action((name: string, options: AddOptions) =>
    run(async (context) =>
      (await import('../subscriptions/subscriptions.ts')).addSubscription(context, name, options),
    ),
  );
  withHandover(
    subscriptions
      .command('rotate')
      .description('give a subscription a new secret beside the old one')
      .argument('<name>')
      .option('--keep <duration>', 'the old secret ends after this time (default: by --confirm)')
      .option('--confirm', 'end the old secret')
      .option('--force', 'with --confirm: even where the old secret is in use'),
  ).action((name: string, options: RotateOptions) =>
    run(async (context) =>
      (await import('../subscriptions/subscriptions.ts')).rotateSubscription(
        context,
        name,
        options,
      ),
    ),
  );
}

/** The options of whoever has InfluxDB changed too. */
function withHandover(command: Command): Command {
  return command
    .option('--gateway <url>', 'how InfluxDB reaches the gateway (default: this host)')
    .option('--influxdb <url>', 'change the subscriptions there, step by step')
    .option('--influxdb-user <name>', 'who may do so there')
    .option('--influxdb-password-file <file>', 'with this password')
    .option('--subscription <name>', 'their name there (default: Kapacitor is asked)')
    .option('--wait <duration>', 'how long to wait for points, and for Kapacitor', '30s')
    .option('--test-point', 'write a point to see it arrive, to the measurement kapgate_test')
    .option('--yes', 'ask nothing')
    .option('--json', 'print name, path and databases as JSON');
}
