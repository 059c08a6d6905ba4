import type { Command } from 'commander';
import { init } from '../init/init.ts';
import type { InitOptions } from '../init/init.ts';
import type { CommandGroup, Run } from './group.ts';

/** What helps to put the gateway before a Kapacitor that runs already. */
export const retrofitCommands: CommandGroup = {
  add,
  examples: {
    init: [
      'kapgate init --from /etc/kapacitor/kapacitor.conf',
      'kapgate init --from kapacitor.conf --output /etc/kapgate/gateway.toml',
    ],
  },
};

function add(program: Command, run: Run): void {
  program
    .command('init')
    .description(
      'make a gateway.toml from a kapacitor.conf, and say what to change there; that file is only read',
    )
    .requiredOption('--from <file>', 'the kapacitor.conf, of any version')
    .option('-o, --output <file>', 'the file to write', 'gateway.toml')
    .option('--force', 'write over a file that is there')
    .option('--json', 'as JSON')
    .action((options: InitOptions) => run((context) => init(context, options)));
}
