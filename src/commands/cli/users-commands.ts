import { Option } from 'commander';
import type { Command } from 'commander';
import { IMPORT_FORMATS } from '../../users/import/format.ts';
import type { PasswordSource } from '../ask-password.ts';
import type { ImportOptions } from '../import/import-options.ts';
import type { ExportOptions } from '../users-export.ts';
import type { AddOptions } from '../users.ts';
import { repeatable, withPassword } from './group.ts';
import type { CommandGroup, Listing, Run } from './group.ts';

const PERMISSIONS = `
Permissions:
  none                    nothing
  api                     the API, but neither writes nor the configuration
  api:read                only these privileges of it: read, write, delete (a comma list)
  api:/tasks:read,write   only this part of it, with all privileges where none are named
  config_api              the configuration (config_api:read: only look at it)
  write_points            write points to every database
  write_points:telegraf   to this database only
  all                     the API, the configuration and all writes
`;

const FORMATS = `
Formats:
  kapgate     what kapgate users export wrote, here or elsewhere
  htpasswd    a password file of Apache or nginx: those with bcrypt hashes
  vmauth      the -auth.config file of vmauth: those with a password
  kapacitor   by URL: the users of a native Kapacitor 1.6 or newer; new users get random passwords, shown once
`;

/** `kapgate users …` */
export const usersCommands: CommandGroup = {
  add,
  examples: {
    users: [
      'kapgate users add root --admin',
      'kapgate users add telegraf --permission write_points:telegraf',
      'kapgate users add dashboard --permission api:read --password-file /run/secret',
      'kapgate users list',
    ],
    'users list': ['kapgate users list', 'kapgate users list --json'],
    'users show': ['kapgate users show stan', 'kapgate users show stan --json'],
    'users add': [
      'kapgate users add root --admin',
      'kapgate users add telegraf --permission write_points:telegraf',
      'kapgate users add dashboard -p api:read -p config_api:read --password-file /run/secret',
    ],
    'users passwd': [
      'kapgate users passwd stan',
      'kapgate users passwd stan --password-stdin < new',
    ],
    'users delete': ['kapgate users delete stan'],
    'users grant': [
      'kapgate users grant stan api:/tasks config_api',
      'kapgate users grant eva admin',
    ],
    'users export': [
      'kapgate users export --output users.jsonl',
      'kapgate users export | ssh other kapgate users import - --apply',
    ],
    'users import': [
      'kapgate users import users.jsonl',
      'kapgate users import users.jsonl --apply',
      'kapgate users import /etc/nginx/htpasswd --permission api:read --apply',
      'kapgate users import auth.yml --permission write_points',
      'kapgate users import http://kapacitor:9092 --user root --password-file root.txt --passwords new.txt --apply',
    ],
    'users revoke': ['kapgate users revoke stan config_api', 'kapgate users revoke eva admin'],
  },
  notes: {
    'users add': PERMISSIONS,
    'users grant': PERMISSIONS,
    'users import': FORMATS + PERMISSIONS,
  },
};

function add(program: Command, run: Run): void {
  const users = program
    .command('users')
    .description(
      'list and change the users of the local store; it makes no difference whether the gateway runs',
    )
    .helpCommand(false);
  addReading(users, run);
  addMaking(users, run);
  addGranting(users, run);
  addTransfer(users, run);
}

function addReading(users: Command, run: Run): void {
  users
    .command('list')
    .description('list all users')
    .option('--json', 'as JSON, a line each')
    .action((options: Listing) =>
      run(async (context) => (await import('../users.ts')).listUsers(context, options)),
    );
  users
    .command('show')
    .description('show one user')
    .argument('<name>')
    .option('--json', 'as JSON')
    .action((name: string, options: Listing) =>
      run(async (context) => (await import('../users.ts')).showUser(context, name, options)),
    );
}

function addMaking(users: Command, run: Run): void {
  withPassword(users.command('add').description('add a user; the password is asked for'))
    .argument('<name>')
    .option('--admin', 'may do all')
    .addOption(repeatable('-p, --permission <permission>', 'may be given more than once'))
    .action((name: string, options: AddOptions) =>
      run(async (context) => (await import('../users.ts')).addUser(context, name, options)),
    );
  withPassword(users.command('passwd').description('change a password; the old one ends at once'))
    .argument('<name>')
    .action((name: string, source: PasswordSource) =>
      run(async (context) => (await import('../users.ts')).changePassword(context, name, source)),
    );
  users
    .command('delete')
    .description('delete a user; they are refused at once')
    .argument('<name>')
    .action((name: string) =>
      run(async (context) => (await import('../users.ts')).deleteUser(context, name)),
    );
}

function addGranting(users: Command, run: Run): void {
  users
    .command('grant')
    .description('add permissions to a user, or make them an admin')
    .argument('<name>')
    .argument('<permissions...>', 'permissions, or admin')
    .action((name: string, words: string[]) =>
      run(async (context) => (await import('../users.ts')).grant(context, name, words)),
    );
  users
    .command('revoke')
    .description('take permissions from a user, or being an admin')
    .argument('<name>')
    .argument('<permissions...>', 'permissions as users show prints them, or admin')
    .action((name: string, words: string[]) =>
      run(async (context) => (await import('../users.ts')).revoke(context, name, words)),
    );
}

function addTransfer(users: Command, run: Run): void {
  users
    .command('export')
    .description('write all users with their hashes, a line each: a backup, or for another gateway')
    .option('-o, --output <file>', 'into a file of mode 0600 (default: standard output)')
    .option('--force', 'overwrite a file that is there')
    .action((options: ExportOptions) =>
      run(async (context) => (await import('../users-export.ts')).exportUsers(context, options)),
    );
  withPassword(
    users
      .command('import')
      .description('show what importing users would change; with --apply, do it: all or nothing'),
  )
    .argument('<source>', 'a file, - for standard input, or the URL of a Kapacitor')
    .addOption(
      new Option('--format <format>', 'what the source is')
        .choices(['auto', ...IMPORT_FORMATS])
        .default('auto'),
    )
    .option('--apply', 'change the store (without: a dry run)')
    .addOption(repeatable('-p, --permission <permission>', 'for all users of htpasswd or vmauth'))
    .option('--max-cost <number>', 'highest bcrypt cost that is taken (default: 14; 20 at most)')
    .option('--user <name>', 'an admin of the Kapacitor that is asked')
    .option('--passwords <file>', 'write new random passwords there, mode 0600, not to the screen')
    .option('--json', 'as JSON, a line each')
    .action((source: string, options: ImportOptions) =>
      run(async (context) =>
        (await import('../import/users-import.ts')).importUsers(context, source, options),
      ),
    );
}
