import { appendFile, close, openSync } from 'node:fs';
import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { config, createLogger, format, transports } from 'winston';
import { messageOf } from './errors.ts';
import type { ErrorLevel } from './errors.ts';
import { jsonLine } from './json-line.ts';

/** What a line may carry besides its message. Never a password, token or secret: those are `Secret`s. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

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

interface Line {
  readonly level: string;
  readonly message: unknown;
  readonly fields?: LogFields;
}

/** Opens the log. @throws where the file cannot be opened. */
export function createLog(options: LogOptions): Log {
  const render = options.format === 'json' ? toJson : toLogfmt;
  const file = options.file === '' ? undefined : openFile(options.file);
  const logger = createLogger({
    levels: config.npm.levels,
    level: options.level,
    format: format.printf((info) => render(info)),
    transports: [
      file === undefined
        ? new transports.Console({ stderrLevels: Object.keys(config.npm.levels) })
        : new transports.Stream({ stream: file.stream, eol: '\n' }),
    ],
  });
  const at = (level: ErrorLevel, message: string, fields?: LogFields): void => {
    logger.log({ level, message, fields });
  };
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
    reopen: () => file?.reopen(),
    close: async () => {
      logger.end();
      await finished(logger, { readable: false });
      if (file !== undefined) await finished(file.stream.end());
    },
  };
}

interface LogFile {
  readonly stream: Writable;
  reopen(): void;
}

/** Lines that a full or broken disk does not take are lost: winston's own file transport ends the process then. */
function openFile(path: string): LogFile {
  let descriptor = openForAppend(path);
  const append = (lines: Buffer, done: () => void): void => {
    appendFile(descriptor, lines, () => {
      done();
    });
  };
  const stream = new Writable({
    write: (line: Buffer, _encoding, done) => {
      append(line, done);
    },
    writev: (lines, done) => {
      append(Buffer.concat(lines.map(({ chunk }) => chunk as Buffer)), done);
    },
    final: (done) => {
      close(descriptor, () => {
        done();
      });
    },
  });
  return {
    stream,
    reopen: () => {
      const old = descriptor;
      descriptor = openForAppend(path);
      // A line on its way to the old file still has it for a moment.
      setTimeout(close, OLD_FILE_MS, old, () => undefined).unref();
    },
  };
}

const OLD_FILE_MS = 10_000;

function openForAppend(path: string): number {
  try {
    return openSync(path, 'a', 0o640);
  } catch (cause) {
    throw new Error(`cannot open the log "${path}": ${messageOf(cause)}`, { cause });
  }
}

/** `ts=… lvl=… msg=… key=value …`, the keys of Kapacitor's own log. */
function toLogfmt({ level, message, fields }: Line): string {
  let line = `ts=${new Date().toISOString()} lvl=${level} msg=${quoted(String(message))}`;
  for (const [key, value] of Object.entries(fields ?? {})) {
    if (value !== undefined)
      line += ` ${key}=${typeof value === 'string' ? quoted(value) : String(value)}`;
  }
  return line;
}

function toJson({ level, message, fields }: Line): string {
  return jsonLine({ ts: new Date().toISOString(), lvl: level, msg: message, ...fields });
}

const PLAIN = /^[^\s"=\p{C}]+$/u;

/** Bare where logfmt allows it, else a JSON string: no value can end its line or begin a new key. */
function quoted(value: string): string {
  return PLAIN.test(value) ? value : jsonLine(value);
}
