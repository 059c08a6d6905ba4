import { describe, expect, test } from '@jest/globals';
import {
  createStatement,
  dropStatement,
  shownDestination,
} from '../../../src/commands/subscriptions/influxql.ts';
import { knowsPaths } from '../../../src/commands/subscriptions/kapacitor.ts';

const place = { name: 'kapacitor-1', database: 'telegraf', retentionPolicy: 'autogen' };

describe('the statements', () => {
  test('name things as InfluxQL quotes them', () => {
    expect(dropStatement({ name: 'a"b', database: 'c\\d', retentionPolicy: 'e\nf' })).toBe(
      'DROP SUBSCRIPTION "a\\"b" ON "c\\\\d"."e\\nf"',
    );
    expect(createStatement({ ...place, mode: 'ANY' }, "http://gate/it's")).toBe(
      `CREATE SUBSCRIPTION "kapacitor-1" ON "telegraf"."autogen" DESTINATIONS ANY 'http://gate/it\\'s'`,
    );
  });

  test('a mode is one of two, whatever was listed', () => {
    for (const [mode, want] of [
      ['all', 'ALL'],
      ['ALL', 'ALL'],
      ['any', 'ANY'],
      ['x; DROP DATABASE y', 'ANY'],
    ] as const) {
      expect(createStatement({ ...place, mode }, 'http://gate')).toContain(
        `DESTINATIONS ${want} '`,
      );
    }
  });
});

describe('shownDestination', () => {
  test.each([
    ['http://h:1', 'http://h:1'],
    ['udp://h:1', 'udp://h:1'],
    ['http://h:1/sub/CANARY', 'http://h:1/sub/[redacted]'],
    ['http://h:1/sub/CANARY/', 'http://h:1/sub/[redacted]/'],
    ['http://h:1?u=CANARY&p=CANARY', 'http://h:1?u=[redacted]&p=[redacted]'],
    ['http://h:1?%70=CANARY&u=a@b', 'http://h:1?%70=[redacted]&u=[redacted]'],
    ['http://~subscriber:CANARY@h:1', 'http://[redacted]@h:1'],
    ['http://a:CAN@A/RY@h:1/', 'http://[redacted]@h:1/'],
  ])('hides what may be secret in %s', (url, text) => {
    expect(shownDestination(url)).toBe(text);
  });
});

describe('knowsPaths', () => {
  test.each([
    ['1.5.8', true],
    ['1.5.9', true],
    ['1.6.0', true],
    ['1.10.1', true],
    ['2.0.0', true],
    ['1.5.7', false],
    ['1.4.1', false],
    ['1.3', false],
    ['unknown', false],
    ['', false],
  ])('%s: %s', (version, want) => {
    expect(knowsPaths(version)).toBe(want);
  });
});
