import { createPasswords } from '../authenticate/password.ts';
import { judgePassword } from '../authenticate/password-rule.ts';
import { askPassword } from './ask-password.ts';
import type { PasswordSource } from './ask-password.ts';
import type { Context } from './context.ts';
import { CommandError, EXIT } from './terminal.ts';

export interface HashOptions extends PasswordSource {
  readonly cost: string;
}

/** Prints the bcrypt hash of a password, for other programs. */
export async function hash({ terminal }: Context, options: HashOptions): Promise<number> {
  const cost = Number(options.cost);
  if (!Number.isInteger(cost) || cost < 4 || cost > 31) {
    throw new CommandError(
      `--cost ${JSON.stringify(options.cost)}: allowed is a whole number from 4 to 31`,
      EXIT.usage,
    );
  }
  const password = await askPassword(terminal, options, 'Password');
  const fault = judgePassword(password.reveal());
  if (fault !== undefined) throw new CommandError(fault, EXIT.usage);
  terminal.out(`${await createPasswords({ cost }).hash(password)}\n`);
  return EXIT.ok;
}
