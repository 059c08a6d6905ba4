import { Writable } from 'node:stream';

/** What a command or a log needs of a process: nobody reads what goes into its streams. */
export function unreadStreams(): {
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly onExit: () => undefined;
} {
  return {
    stdout: intoText(() => undefined),
    stderr: intoText(() => undefined),
    onExit: () => undefined,
  };
}

/** A stream that passes each chunk on as text. */
export function intoText(pass: (text: string) => void): Writable {
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      pass(chunk.toString());
      done();
    },
  });
}
