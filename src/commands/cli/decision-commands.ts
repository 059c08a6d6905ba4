import type { Command } from 'commander';
import type { ExplainOptions } from '../explain/explain.ts';
import type { HashOptions } from '../hash.ts';
import type { TokenOptions } from '../token.ts';
import { withPassword } from './group.ts';
import type { CommandGroup, Run } from './group.ts';

/** Who may do what, and what proves who they are. */
export const decisionCommands: CommandGroup = {
  add,
  examples: {
    explain: [
      'kapgate explain --user stan GET /kapacitor/v1/config',
      "kapgate explain --user telegraf POST '/write?db=telegraf'",
    ],
    token: ['kapgate token --user ci --expires 15m'],
    hash: ['kapgate hash', 'kapgate hash --cost 12 --password-stdin < password'],
  },
};

function add(program: Command, run: Run): void {
  program
    .command('explain')
    .description('show step by step why a request is allowed or denied; exit 0 allowed, 2 denied')
    .argument('<method>', 'GET, POST, …')
    .argument('<target>', 'path and query, as in the request line')
    .requiredOption('--user <name>', 'who asks')
    .option('--json', 'as JSON')
    .action((method: string, target: string, options: ExplainOptions) =>
      run(async (context) =>
        (await import('../explain/explain.ts')).explain(context, method, target, options),
      ),
    );
  program
    .command('token')
    .description('print a bearer token, signed with [http] shared-secret')
    .requiredOption('--user <name>', 'whose token')
    .option('--expires <duration>', 'how long it is good for', '1h')
    .action((options: TokenOptions) =>
      run(async (context) => (await import('../token.ts')).token(context, options)),
    );
  withPassword(program.command('hash').description('print the bcrypt hash of a password'))
    .option('--cost <number>', 'bcrypt cost, 4 to 31', '10')
    .action((options: HashOptions) =>
      run(async (context) => (await import('../hash.ts')).hash(context, options)),
    );
}
