import { Readable } from 'node:stream';
import { runCommandLine } from '../../src/commands/cli/command-line.ts';
import type { CommandResult } from './gateway-process.ts';
import { unreadStreams } from './streams.ts';

/** What a person does before they answer a question that holds these words. @param said to them so far */
export type Act = readonly [words: string, act: (said: string) => Promise<unknown>];

export interface Person {
  readonly acts?: readonly Act[];
  /** What they say to each question; by default yes. */
  readonly says?: string;
  /** What they type where a password is asked for. */
  readonly password?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const PASSWORD_PROMPT = /(?:password.*|once more): $/i;

/** A command with a person at its terminal, who does as they are told and says yes. */
export async function converse(
  args: readonly string[],
  { acts = [], says = 'y', password = '', env = {} }: Person = {},
): Promise<CommandResult & { readonly code: number }> {
  const stdin = new Readable({ read: () => undefined });
  let [stdout, stderr] = ['', ''];
  const answer = async (question: string): Promise<void> => {
    for (const [words, act] of acts) if (question.includes(words)) await act(stderr);
    stdin.push(`${says}\n`);
  };
  const code = await runCommandLine(
    args,
    {
      stdin,
      env,
      process: {},
      ...unreadStreams(),
      isInteractive: true,
      out: (text) => void (stdout += text),
      err: (text) => {
        stderr += text;
        if (text.includes('[y/N]')) void answer(text);
        if (PASSWORD_PROMPT.test(text)) stdin.push(`${password}\n`);
      },
      onStop: () => undefined,
      onReload: () => undefined,
      onReopen: () => undefined,
      program: '/nonexistent/kapgate',
      paint: (_, text) => text,
    },
    '0',
  );
  return { code, stdout, stderr };
}
