import type { Terminal } from './terminal.ts';

/** Asks a question that is answered by a line: true for "y" and "yes", in any case. Whoever only presses Enter says no. */
export function askYes({ stdin, err }: Terminal, question: string): Promise<boolean> {
  err(`${question} [y/N] `);
  stdin.setEncoding('utf8');
  return new Promise((resolve) => {
    let line = '';
    const settle = (answer: string, rest = ''): void => {
      stdin.off('data', onData).off('end', onEnd).pause();
      if (rest !== '') stdin.unshift(rest);
      resolve(/^\s*y(?:es)?\s*$/i.test(answer));
    };
    const onData = (text: string): void => {
      line += text;
      const end = line.indexOf('\n');
      if (end >= 0) settle(line.slice(0, end), line.slice(end + 1));
    };
    const onEnd = (): void => {
      err('\n');
      settle('');
    };
    stdin.on('data', onData).on('end', onEnd).resume();
  });
}
