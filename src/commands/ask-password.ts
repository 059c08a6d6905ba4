import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { readText } from '../config/read-text.ts';
import { exposureOf } from '../kernel/exposure.ts';
import { Secret } from '../kernel/secret.ts';
import { CommandError, EXIT } from './terminal.ts';
import type { Terminal } from './terminal.ts';

export interface PasswordSource {
  readonly passwordStdin?: boolean | undefined;
  readonly passwordFile?: string | undefined;
}

/**
 * A password from standard input, a file, or a prompt that shows nothing; never from the command line, where every
 * user of the host can read it. One line end behind it is not part of it. A prompt for a new password asks twice.
 */
export async function askPassword(
  terminal: Terminal,
  source: PasswordSource,
  prompt: string,
  times: 'once' | 'twice' = 'twice',
): Promise<Secret> {
  if (source.passwordFile !== undefined) return readPasswordFile(source.passwordFile);
  if (source.passwordStdin === true) {
    return passwordIn(await readAll(terminal), 'the password on standard input');
  }
  if (!terminal.isInteractive) {
    throw new CommandError(
      'no terminal to ask for the password: give --password-stdin or --password-file FILE',
      EXIT.usage,
    );
  }
  const { stdin } = terminal;
  // Before anything is asked, and in between: whoever types fast is not shown either.
  stdin.setRawMode?.(true);
  try {
    const password = await promptFor(terminal, `${prompt}: `);
    const again = times === 'once' ? password : await promptFor(terminal, 'Once more: ');
    if (password !== again) throw new CommandError('the two passwords differ');
    return new Secret(password);
  } finally {
    stdin.setRawMode?.(false);
  }
}

/** The password in a file. @throws CommandError */
export function readPasswordFile(path: string): Secret {
  const what = `the password file ${JSON.stringify(path)}`;
  // Each character one byte, so that nothing is lost before it is looked at.
  const file = readText((name) => readFileSync(name, 'latin1'), path);
  if ('refused' in file) throw new CommandError(`cannot read ${what}: ${file.refused}`);
  const exposure = exposureOf(path);
  if (exposure !== undefined) {
    throw new CommandError(`${what} is not read, as ${exposure}: chmod 0600 ${path}`);
  }
  return passwordIn(Buffer.from(file.text, 'latin1'), what);
}

async function readAll({ stdin }: Terminal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
}

/** Other bytes would all become the same character: a password that many others match. */
function passwordIn(bytes: Buffer, what: string): Secret {
  if (!isUtf8(bytes)) throw new CommandError(`${what} must be UTF-8`);
  return new Secret(bytes.toString('utf8').replace(/\r?\n$/, ''));
}

const ENTER = ['\r', '\n'];
const END_OF_INPUT = '\u0004';
const INTERRUPT = '\u0003';
const BACKSPACE = ['\u007f', '\b'];

function promptFor(terminal: Terminal, prompt: string): Promise<string> {
  const { stdin } = terminal;
  terminal.err(prompt);
  stdin.setEncoding('utf8');
  return new Promise((resolve, reject) => {
    let typed: string[] = [];
    const settle = (): void => {
      stdin.off('data', onData).pause();
      terminal.err('\n');
    };
    const onData = (text: string): void => {
      const characters = Array.from(text);
      for (const [index, character] of characters.entries()) {
        if (character === INTERRUPT || character === END_OF_INPUT) {
          settle();
          reject(new CommandError('no password given'));
          return;
        }
        if (ENTER.includes(character)) {
          settle();
          // Typed ahead: the answer to the next prompt.
          const rest = characters.slice(index + 1).join('');
          if (rest !== '') stdin.unshift(rest);
          resolve(typed.join(''));
          return;
        }
        typed = BACKSPACE.includes(character) ? typed.slice(0, -1) : [...typed, character];
      }
    };
    stdin.on('data', onData).resume();
  });
}
