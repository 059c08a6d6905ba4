import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { config, createLogger, format, transports } from 'winston';
import type { ErrorLevel } from './errors.ts';
import { LogBatch } from './log-batch.ts';
import { LogFile } from './log-file.ts';
import { createRenderLine } from './log-line.ts';
import type { LogFields } from './log-line.ts';
import { LogRoom } from './log-room.ts';

/** The one way in which the gateway speaks to its operator. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  at(level: ErrorLevel, message: string, fields?: LogFields): void;
  /** Opens the file anew, by its name: logrotate has moved the old one away. @throws where it cannot be opened */
  reopen(): void;
  /** Resolves once every line is written. */
  close(): Promise<void>;
}

export interface LogOptions {
  readonly level: ErrorLevel;
  readonly format: 'logfmt' | 'json';
  /** A file that is appended to; `""` is standard error. */
  readonly file: string;
}

/** What a log needs of its process. */
export interface LogSurroundings {
  readonly stderr: Writable;
  /** Calls the listener when the process ends, however it does. */
  readonly onExit: (listener: () => void) => void;
}

/** What the lines go into, behind winston. */
type Sink = Pick<LogFile, 'stream' | 'waitingBytes' | 'reopen' | 'writeNow' | 'close'>;

const LOST = 'lines of the log are lost';

/**
 * Opens the log. Lines go on together, a few milliseconds late; a warning or an error takes those before it along at once.
 * @throws where the file cannot be opened
 */
export function createLog(options: LogOptions, { stderr, onExit }: LogSurroundings): Log {
  const render = createRenderLine(options.format);
  let isClosed = false;
  const tellLost = (lines: number): void => {
    if (!isClosed) batch.add(render('error', LOST, { lines }));
  };
  const sink = options.file === '' ? toStream(stderr) : new LogFile(options.file, tellLost);
  const logger = createWinston(options.level, sink.stream);
  // What winston does with a line costs more than a request may.
  const batch = new LogBatch((lines) => logger.log({ level: options.level, message: lines }));
  const room = new LogRoom(sink, tellLost);
  const ranks = config.npm.levels;
  const isShown = (level: ErrorLevel): boolean => ranks[level] <= ranks[options.level];
  const at = (level: ErrorLevel, message: string, fields?: LogFields): void => {
    if (isClosed || !isShown(level)) return;
    const isUrgent = level === 'warn' || level === 'error';
    if (!room.hasRoom(isUrgent)) return;
    batch.add(render(level, message, fields));
    if (isUrgent) batch.flush();
  };
  onExit(() => {
    if (isClosed) return;
    batch.flush();
    sink.writeNow();
  });
  return {
    ...speaking(at),
    reopen: () => {
      batch.flush();
      sink.reopen();
    },
    close: async () => {
      room.tell();
      batch.flush();
      isClosed = true;
      logger.end();
      await finished(logger, { readable: false });
      await sink.close();
    },
  };
}

function speaking(at: Log['at']): Pick<Log, ErrorLevel | 'at'> {
  return {
    at,
    debug: (message, fields) => {
      at('debug', message, fields);
    },
    info: (message, fields) => {
      at('info', message, fields);
    },
    warn: (message, fields) => {
      at('warn', message, fields);
    },
    error: (message, fields) => {
      at('error', message, fields);
    },
  };
}

function createWinston(level: ErrorLevel, stream: Writable): ReturnType<typeof createLogger> {
  return createLogger({
    levels: config.npm.levels,
    level,
    format: format.printf(({ message }) => String(message)),
    transports: [new transports.Stream({ stream, eol: '' })],
  });
}

/** Standard error, whose stream keeps what its reader has not taken, without a bound of its own. */
function toStream(stream: Writable): Sink {
  return {
    stream,
    get waitingBytes() {
      return stream.writableLength;
    },
    reopen: () => undefined,
    // A pipe takes at once what it has room for.
    writeNow: () => undefined,
    close: () => Promise.resolve(),
  };
}
