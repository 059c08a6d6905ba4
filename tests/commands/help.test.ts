import { describe, expect, test } from '@jest/globals';
import { runHere } from './terminal.ts';

/** Every command there is, found as a user finds them: by reading help. */
async function commandsBelow(words: readonly string[]): Promise<readonly (readonly string[])[]> {
  const { stdout } = await runHere([...words, '--help']);
  const listed = stdout.split('\nCommands:\n')[1]?.split('\n\n')[0] ?? '';
  const names = Array.from(listed.matchAll(/^ {2}(\w+)/gm), ([, name = '']) => [...words, name]);
  const below = await Promise.all(names.map(commandsBelow));
  return [words, ...below.flat()];
}

describe('help', () => {
  test('every command of the design is there', async () => {
    const commands = (await commandsBelow([])).map((words) => words.join(' '));
    expect(commands).toEqual(
      expect.arrayContaining(
        'serve,check,config,try,init,doctor,explain,token,hash,users list,users show,users add,users passwd,users delete,users grant,users revoke'.split(
          ',',
        ),
      ),
    );
  });

  test('every command has examples that are commands of its own', async () => {
    for (const words of await commandsBelow([])) {
      const { code, stdout, stderr } = await runHere([...words, '--help']);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const examples = (stdout.split('\nExamples:\n')[1] ?? '').trim().split('\n');
      const start = ['kapgate', ...words].join(' ');
      expect(examples.filter((line) => line.includes(start))).not.toEqual([]);
    }
  });

  test('help NAME and NAME --help are the same', async () => {
    for (const words of await commandsBelow([])) {
      const [one, other] = [await runHere(['help', ...words]), await runHere([...words, '--help'])];
      expect(one).toEqual(other);
    }
  });

  test('the forms of permissions stand where permissions are given', async () => {
    for (const words of ['users add', 'users grant']) {
      const { stdout } = await runHere([...words.split(' '), '--help']);
      expect(stdout).toContain('write_points:telegraf');
    }
  });

  test('-V and --version print the version', async () => {
    expect(await runHere(['-V'])).toEqual({ code: 0, stdout: '0.0.0\n', stderr: '' });
    expect(await runHere(['--version'])).toEqual({ code: 0, stdout: '0.0.0\n', stderr: '' });
  });
});
