import type { Command } from 'commander';
import type { DoctorOptions } from '../doctor/doctor.ts';
import type { InitOptions } from '../init/init.ts';
import type { LearnOptions } from '../learn/learn.ts';
import type { CommandGroup, Run } from './group.ts';

/** What helps to put the gateway before a Kapacitor that runs already. */
export const retrofitCommands: CommandGroup = {
  add,
  examples: {
    init: [
      'kapgate init --from /etc/kapacitor/kapacitor.conf',
      'kapgate init --from kapacitor.conf --output /etc/kapgate/gateway.toml',
    ],
    doctor: [
      'sudo kapgate doctor',
      'sudo kapgate doctor --influxdb http://localhost:8086 --influxdb-user root --influxdb-password-file pw',
    ],
    learn: [
      'kapgate learn /var/log/kapgate/audit.log',
      'kapgate learn --check /var/log/kapgate/audit.log.*.gz /var/log/kapgate/audit.log',
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
    .action((options: InitOptions) =>
      run(async (context) => (await import('../init/init.ts')).init(context, options)),
    );
  program
    .command('doctor')
    .description(
      'look for ways around the gate, from this machine; exit 1 where there is one. Root sees most',
    )
    .option('--influxdb <url>', 'the InfluxDB whose subscriptions to look at')
    .option('--influxdb-user <name>', 'who may SHOW SUBSCRIPTIONS there')
    .option('--influxdb-password-file <file>', 'the password of that user')
    .option('--json', 'as JSON')
    .action((options: DoctorOptions) =>
      run(async (context) => (await import('../doctor/doctor.ts')).doctor(context, options)),
    );
  program
    .command('learn')
    .description('read audit logs: who came, what they did, and the smallest users that allow it')
    .argument('<file...>', 'audit logs, also those packed as .gz')
    .option('--check', 'also say what the users of today would refuse; exit 2 where there is any')
    .option('--json', 'as JSON')
    .action((files: string[], options: LearnOptions) =>
      run(async (context) => (await import('../learn/learn.ts')).learn(context, files, options)),
    );
}
