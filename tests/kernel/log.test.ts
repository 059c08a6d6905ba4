import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { readFile, readdir, rename, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { createLog } from '../../src/kernel/log.ts';
import type { Log, LogOptions } from '../../src/kernel/log.ts';
import type { LogFields } from '../../src/kernel/log-line.ts';
import { eventually } from '../support/eventually.ts';
import { intoText, unreadStreams } from '../support/streams.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

let dir: TempDir;
let count = 0;

beforeEach(async () => {
  dir = await createTempDir();
});

afterEach(async () => {
  await dir.remove();
});

/** The lines that a log writes while `speak` speaks to it. */
async function linesOf(
  options: Partial<LogOptions>,
  speak: (log: Log) => void,
): Promise<readonly string[]> {
  count += 1;
  const file = join(dir.path, `${count}.log`);
  const log = createLog({ level: 'debug', format: 'logfmt', file, ...options }, unreadStreams());
  speak(log);
  await log.close();
  const text = await readFile(file, 'utf8');
  expect(text === '' || text.endsWith('\n')).toBe(true);
  return text.split('\n').slice(0, -1);
}

/** An independent reader of logfmt: bare words, or JSON strings. */
function parseLogfmt(line: string): Record<string, string> {
  const values: Record<string, string> = Object.create(null) as Record<string, string>;
  const pair = / ?([a-z_]+)=("(?:[^"\\]|\\.)*"|[^\s"=]*)/y;
  while (pair.lastIndex < line.length) {
    const match = pair.exec(line);
    if (match === null) throw new Error(`not logfmt: ${line}`);
    const [, key = '', value = ''] = match;
    if (key in values) throw new Error(`"${key}" twice: ${line}`);
    values[key] = value.startsWith('"') ? String(JSON.parse(value)) : value;
  }
  return values;
}

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: 'binary-ascii', maxLength: 20 }),
  fc.string({
    unit: fc.constantFrom(
      '"',
      '\\',
      '\n',
      '\r',
      '=',
      ' ',
      'lvl=error',
      '\u2028',
      '\x1b[31m',
      '\u202e',
      '\x85',
    ),
    maxLength: 6,
  }),
);

describe('createLog', () => {
  test('a line holds time, level, message and the fields in their order', async () => {
    const [line = ''] = await linesOf({}, (log) => {
      log.info('request done', {
        user: 'ann',
        status: 204,
        cached: true,
        bytes: 0,
        gone: undefined,
      });
    });
    expect(line).toMatch(
      /^ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z lvl=info msg="request done" user=ann status=204 cached=true bytes=0$/,
    );
  });

  test('JSON holds the same', async () => {
    const [line = ''] = await linesOf({ format: 'json' }, (log) => {
      log.warn('request done', { user: 'ann', status: 204, cached: true });
    });
    expect(JSON.parse(line)).toEqual({
      ts: expect.stringMatching(/^\d{4}-.*Z$/),
      lvl: 'warn',
      msg: 'request done',
      user: 'ann',
      status: 204,
      cached: true,
    });
  });

  test('an empty value is seen', async () => {
    const [line = ''] = await linesOf({}, (log) => {
      log.info('m', { user: '' });
    });
    expect(line).toMatch(/ user=""$/);
  });

  test.each([
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['info', ['info', 'warn', 'error']],
    ['warn', ['warn', 'error']],
    ['error', ['error']],
  ] as const)('level %s shows %j', async (level, shown) => {
    const lines = await linesOf({ level }, (log) => {
      log.debug('m');
      log.info('m');
      log.warn('m');
      log.at('error', 'm');
    });
    expect(lines.map((line) => parseLogfmt(line)['lvl'])).toEqual(shown);
  });

  test('every line is written before close resolves, in order', async () => {
    const lines = await linesOf({}, (log) => {
      for (let index = 0; index < 5000; index += 1) log.info('m', { index });
    });
    expect(lines.map((line) => Number(parseLogfmt(line)['index']))).toEqual([
      ...Array(5000).keys(),
    ]);
  });

  test('a file is appended to', async () => {
    const file = join(dir.path, 'kept.log');
    await writeFile(file, 'before\n');
    const log = createLog({ level: 'info', format: 'logfmt', file }, unreadStreams());
    log.info('after');
    await log.close();
    expect(await readFile(file, 'utf8')).toMatch(/^before\nts=.* msg=after\n$/);
  });

  test('whatever a message or a value holds, it makes one line and is read back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(hostile, hostile), { maxLength: 10 }), async (spoken) => {
        const lines = await linesOf({}, (log) => {
          for (const [message, value] of spoken) log.info(message, { value, last: 'x' });
        });
        expect(lines.map(parseLogfmt)).toEqual(
          spoken.map(([message, value]) =>
            expect.objectContaining({ lvl: 'info', msg: message, value, last: 'x' }),
          ),
        );
      }),
      { numRuns: 50 },
    );
  });

  test('whatever a value holds, JSON makes one line of it and is read back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(hostile, hostile), { maxLength: 10 }), async (spoken) => {
        const lines = await linesOf({ format: 'json' }, (log) => {
          for (const [message, value] of spoken) log.info(message, { value });
        });
        expect(lines.map((line) => JSON.parse(line) as LogFields)).toEqual(
          spoken.map(([message, value]) => expect.objectContaining({ msg: message, value })),
        );
      }),
      { numRuns: 50 },
    );
  });

  test.each(['logfmt', 'json'] as const)(
    'nothing that a terminal acts on is written in %s',
    async (format) => {
      const text = Array.from({ length: 0x110 }, (_, code) => String.fromCodePoint(code)).join('');
      const lines = await linesOf({ format }, (log) => {
        log.info(text, { text: `${text}\u202e\u2066\u2028\u{e0001}\ufeff` });
      });
      expect(lines).toHaveLength(1);
      expect(lines[0]).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    },
  );

  test.each([
    ['a directory', ''],
    ['a path below a file', 'file/x.log'],
  ])('%s cannot be opened, and it says so at once', async (_, name) => {
    await writeFile(join(dir.path, 'file'), '');
    const file = join(dir.path, name);
    expect(() => createLog({ level: 'info', format: 'logfmt', file }, unreadStreams())).toThrow(
      `cannot open the log "${file}"`,
    );
  });

  test('a line after close is lost without harm', async () => {
    const file = join(dir.path, 'closed.log');
    const log = createLog({ level: 'info', format: 'logfmt', file }, unreadStreams());
    await log.close();
    log.info('late');
    await sleep(50);
    expect(await readFile(file, 'utf8')).toBe('');
  });

  test('lines go on together, a warning or an error at once with those before it', async () => {
    const written: string[] = [];
    const stderr = intoText((text) => written.push(text));
    const options = { level: 'info', format: 'logfmt', file: '' } as const;
    const log = createLog(options, { ...unreadStreams(), stderr });
    log.info('first');
    expect(written.splice(0).map(messagesOf)).toEqual([['first']]);
    log.info('a');
    log.info('b');
    expect(written).toEqual([]);
    log.warn('c');
    log.info('d');
    log.error('e');
    expect(written.map(messagesOf)).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e'],
    ]);
    log.info('f');
    log.info('g');
    await eventually('they go on by themselves', () => written.length > 2);
    expect(written.slice(2).map(messagesOf)).toEqual([['f', 'g']]);
    log.info('h');
    await log.close();
    expect(written.slice(3).map(messagesOf)).toEqual([['h']]);
  });

  test('no more than 128 KiB wait for others', () => {
    const written: string[] = [];
    const stderr = intoText((text) => written.push(text));
    const options = { level: 'info', format: 'logfmt', file: '' } as const;
    const log = createLog(options, { ...unreadStreams(), stderr });
    for (let index = 0; index < 100; index += 1) log.info('m', { value: 'x'.repeat(10_000) });
    expect(written.length).toBeGreaterThan(5);
    expect(Math.max(...written.map(({ length }) => length))).toBeLessThan(150_000);
  });

  test('what a level does not show is not rendered', () => {
    const options = { level: 'warn', format: 'json', file: '' } as const;
    const log = createLog(options, unreadStreams());
    const fields = {
      get value(): string {
        throw new Error('rendered');
      },
    };
    expect(() => {
      log.info('m', fields);
    }).not.toThrow();
    expect(() => {
      log.warn('m', fields);
    }).toThrow('rendered');
  });

  test('rotations lose no line', async () => {
    const file = join(dir.path, 'rotated.log');
    const log = createLog({ level: 'info', format: 'logfmt', file }, unreadStreams());
    const count = 200;
    for (let turn = 0; turn < count; turn += 1) {
      log.info('m', { turn });
      if (turn % 10 === 9) {
        await rename(file, join(dir.path, `rotated.log.${turn}`));
        log.reopen();
        if (turn % 20 === 9) log.reopen();
      }
    }
    await log.close();
    const names = (await readdir(dir.path)).filter((name) => name.startsWith('rotated.log'));
    const texts = await Promise.all(names.map((name) => readFile(join(dir.path, name), 'utf8')));
    const turns = texts.flatMap((text) => [...text.matchAll(/turn=(\d+)\n/g)].map(([, n]) => n));
    expect(turns.map(Number).toSorted((a, b) => a - b)).toEqual([...Array(count).keys()]);
  });

  test('a line before a rotation is in the old file', async () => {
    const file = join(dir.path, 'old.log');
    const log = createLog({ level: 'info', format: 'logfmt', file }, unreadStreams());
    log.info('before');
    await rename(file, `${file}.1`);
    log.reopen();
    log.info('after');
    await log.close();
    expect(messagesOf(await readFile(`${file}.1`, 'utf8'))).toEqual(['before']);
    expect(messagesOf(await readFile(file, 'utf8'))).toEqual(['after']);
  });

  test('a reader who does not read costs lines beyond a bound, errors last, and is told how many', async () => {
    const { stderr, read, waiting } = unreadReader();
    const options = { level: 'info', format: 'logfmt', file: '' } as const;
    const log = createLog(options, { ...unreadStreams(), stderr });
    const value = 'x'.repeat(1000);
    for (let index = 0; index < 20_000; index += 1) log.info('m', { index, value });
    expect(waiting()).toBeGreaterThan(3 * MIB);
    expect(waiting()).toBeLessThan(5 * MIB);
    log.error('needed');
    for (let index = 0; index < 20_000; index += 1) log.error('e', { index, value });
    expect(waiting()).toBeLessThan(9 * MIB);
    const text = await read();
    log.info('again');
    await log.close();
    const lines = `${text}${await read()}`.split('\n').slice(0, -1);
    expect(lines.filter((line) => line.includes('msg=needed'))).toHaveLength(1);
    const [told = '', last = ''] = lines.slice(-2);
    expect(last).toContain('msg=again');
    const lost = /lvl=error msg="lines of the log are lost" lines=(\d+)$/.exec(told)?.[1];
    const taken = lines.filter((line) => / msg=[me] /.test(line));
    expect(taken.length + Number(lost)).toBe(40_000);
  });

  // The device that is always full, where there is one.
  test('a full disk loses lines, not the gateway', async () => {
    const full = '/dev/full';
    if (!existsSync(full)) {
      console.log(`skipped: no ${full}`);
      return;
    }
    const log = createLog({ level: 'info', format: 'logfmt', file: full }, unreadStreams());
    for (let index = 0; index < 100; index += 1) log.info('lost', { index });
    await expect(log.close()).resolves.toBeUndefined();
  });

  test('what a full disk did not take is told of once there is room', async () => {
    if (!existsSync('/dev/full')) {
      console.log('skipped: no /dev/full');
      return;
    }
    const file = join(dir.path, 'link.log');
    await symlink('/dev/full', file);
    const log = createLog({ level: 'info', format: 'logfmt', file }, unreadStreams());
    for (let index = 0; index < 8; index += 1) log.error('lost', { index });
    await sleep(200);
    await unlink(file);
    log.reopen();
    log.error('back');
    await eventually('it is told', async () => (await readFile(file, 'utf8')).includes('lines='));
    await log.close();
    const lines = (await readFile(file, 'utf8')).split('\n').slice(0, -1).map(parseLogfmt);
    const told = lines.find(({ msg }) => msg === 'lines of the log are lost');
    const taken = lines.filter(({ msg }) => msg === 'lost');
    expect(taken.length + Number(told?.['lines'])).toBe(8);
    expect(lines.filter(({ msg }) => msg === 'back')).toHaveLength(1);
  });
});

const MIB = 1024 * 1024;

/** A stream like standard error whose reader reads when it is asked to. */
function unreadReader(): {
  readonly stderr: Writable;
  readonly waiting: () => number;
  readonly read: () => Promise<string>;
} {
  const held: { readonly text: string; readonly done: () => void }[] = [];
  const stderr = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      held.push({ text: chunk.toString(), done });
    },
  });
  return {
    stderr,
    waiting: () => stderr.writableLength,
    read: async () => {
      let text = '';
      while (stderr.writableLength > 0) {
        const [next] = held.splice(0, 1);
        text += next?.text ?? '';
        next?.done();
        await setImmediate();
      }
      return text;
    },
  };
}

function messagesOf(text: string): readonly (string | undefined)[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => parseLogfmt(line)['msg']);
}
