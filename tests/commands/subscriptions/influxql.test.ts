import { describe, expect, test } from '@jest/globals';
import { shownDestination } from '../../../src/commands/subscriptions/influxql.ts';

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
