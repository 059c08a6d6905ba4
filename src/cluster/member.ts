import type { ChildProcess } from 'node:child_process';
import { isFromWorker } from './messages.ts';
import type { Answer, FromWorker, Question, ToWorker } from './messages.ts';
import type { Receiver } from './reception.ts';

/** One worker process, as the primary sees it. */
export interface Member extends Receiver {
  /** Which of the workers it is, from 1 on: another takes its place when it ends. */
  readonly place: number;
  readonly pid: number;
  tell(message: ToWorker): void;
  /** Resolves with undefined where it is gone, or does not answer in time. */
  ask(question: Question, withinMs: number): Promise<Answer | undefined>;
  kill(): void;
}

interface MemberOptions {
  readonly place: number;
  readonly onMessage: (member: Member, message: FromWorker) => void;
  /** @param how for the log: `code 1`, `SIGKILL` */
  readonly onExit: (member: Member, how: string) => void;
}

/** Takes a process that was just started. */
export function openMember(
  child: ChildProcess,
  { place, onMessage, onExit }: MemberOptions,
): Member {
  const asked = new Map<number, (answer: Answer | undefined) => void>();
  let lastId = 0;
  // Whoever is at the other end may be gone: then it ends, which is told.
  const ignore = (): void => undefined;
  const member: Member = {
    place,
    pid: child.pid ?? 0,
    tell: (message) => void child.send(message, ignore),
    hand: ({ socket, door }) => {
      // Node itself loses a socket that it closed here and could not send.
      const options = { keepOpen: true };
      child.send({ kind: 'connection', door } satisfies ToWorker, socket, options, ignore);
    },
    ask: (question, withinMs) =>
      new Promise((resolve) => {
        const id = ++lastId;
        const answer = (given: Answer | undefined): void => {
          clearTimeout(timer);
          asked.delete(id);
          resolve(given);
        };
        const timer = setTimeout(answer, withinMs, undefined);
        asked.set(id, answer);
        member.tell({ kind: 'question', id, question });
      }),
    kill: () => {
      child.kill('SIGKILL');
    },
  };
  child.on('message', (message) => {
    if (!isFromWorker(message)) return;
    if (message.kind === 'answer') asked.get(message.id)?.(message.answer);
    else onMessage(member, message);
  });
  child.once('error', ignore);
  child.once('close', (code, signal) => {
    for (const answer of asked.values()) answer(undefined);
    onExit(member, signal ?? `code ${code}`);
  });
  return member;
}
