import { readFileSync } from 'node:fs';
import { messageOf } from '../kernel/errors.ts';
import { Secret } from '../kernel/secret.ts';
import { CommandError, EXIT } from './terminal.ts';
import type { Terminal } from './terminal.ts';

export interface PasswordSource {
  readonly passwordStdin?: boolean | undefined;
  readonly passwordFile?: string | undefined;
}

/**
 * A password from standard input, a file, or a prompt that shows nothing; never from the command line, where every
 * user of the host can read it. One line end behind it is not part of it.
 */
export async function askPassword(
  terminal: Terminal,
  source: PasswordSource,
  prompt: string,
): Promise<Secret> {
  if (source.passwordFile !== undefined) return fromFile(source.passwordFile);
  if (source.passwordStdin === true) return new Secret(withoutLineEnd(await readAll(terminal)));
  if (!terminal.isInteractive) {
    throw new CommandError(
      'no terminal to ask for the password: give --password-stdin or --password-file FILE',
      EXIT.usage,
    );
  }
  const password = await promptFor(terminal, `${prompt}: `);
  const again = await promptFor(terminal, 'Once more: ');
  if (password !== again) throw new CommandError('the two passwords differ');
  return new Secret(password);
}

function fromFile(path: string): Secret {
  try {
    return new Secret(withoutLineEnd(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new CommandError(`cannot read the password file "${path}": ${messageOf(cause)}`, 1, {
      cause,
    });
  }
}

async function readAll({ stdin }: Terminal): Promise<string> {
  let text = '';
  for await (const chunk of stdin.setEncoding('utf8')) text += String(chunk);
  return text;
}

function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}

const ENTER = ['\r', '\n'];
const END_OF_INPUT = '\u0004';
const INTERRUPT = '\u0003';
const BACKSPACE = ['\u007f', '\b'];

function promptFor(terminal: Terminal, prompt: string): Promise<string> {
  const { stdin } = terminal;
  terminal.err(prompt);
  stdin.setRawMode?.(true);
  stdin.setEncoding('utf8');
  return new Promise((resolve, reject) => {
    let typed: string[] = [];
    const settle = (): void => {
      stdin.off('data', onData).pause();
      stdin.setRawMode?.(false);
      terminal.err('\n');
    };
    const onData = (text: string): void => {
      for (const character of text) {
        if (character === INTERRUPT || character === END_OF_INPUT) {
          settle();
          reject(new CommandError('no password given'));
          return;
        }
        if (ENTER.includes(character)) {
          settle();
          resolve(typed.join(''));
          return;
        }
        typed = BACKSPACE.includes(character) ? typed.slice(0, -1) : [...typed, character];
      }
    };
    stdin.on('data', onData).resume();
  });
}
