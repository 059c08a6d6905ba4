import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { GatewayError } from '../../src/kernel/errors.ts';
import { isWrite } from '../../src/kernel/routes.ts';
import { isNowhere, isSubscriptionPath, shownPath } from '../../src/kernel/subscription-path.ts';
import { readTarget } from '../../src/kernel/target.ts';
import type { Target } from '../../src/kernel/target.ts';
import { answerFor } from '../../src/listener/answers.ts';
import { laneOf } from '../../src/proxy/lanes.ts';

function targetOf(method: string, raw: string): Target {
  const reading = readTarget(method, raw);
  if (reading.kind !== 'target') throw new Error(`${raw} is ${reading.kind}`);
  return reading.target;
}

describe('readTarget, below /sub', () => {
  function reads(
    method: string,
    raw: string,
    want: { path: string; sent: string; secret: string },
  ): void {
    test(`${method} ${raw}`, () => {
      const { path, sent, subscription } = targetOf(method, raw);
      expect({ path, sent, secret: subscription?.reveal() }).toEqual(want);
    });
  }
  const secret = 'S3cret_-';
  const ping = '/kapacitor/v1/ping';

  reads('POST', '/sub/S3cret_-/write', { path: '/write', sent: '/write', secret });
  reads('POST', '/sub/S3cret_-/write?db=a%20b&rp=&precision=ns', {
    path: '/write',
    sent: '/write?db=a+b&rp=&precision=ns',
    secret,
  });
  reads('POST', '/sub/S3cret_-/write?db=a&u=x&p=y', {
    path: '/write',
    sent: '/write?db=a',
    secret,
  });
  reads('POST', '/%73ub/%533cret_-/wr%69te', { path: '/write', sent: '/write', secret });
  reads('GET', '/sub/S3cret_-/ping', { path: ping, sent: ping, secret });
  reads('HEAD', '/sub/S3cret_-/ping?x=1', { path: ping, sent: `${ping}?x=1`, secret });
});

describe('a write of a subscription', () => {
  test('is a write in every rule about writes', () => {
    const target = targetOf('POST', '/sub/S/write?db=a');
    expect(isWrite(target)).toBe(true);
    expect(laneOf(target)).toBe('writes');
    const error = new GatewayError('slow-client');
    expect(answerFor(error, target, {}, 'auto').status).toBe(503);
  });
});

describe('readTarget, what below /sub stands for nothing', () => {
  function isNothing(method: string, raw: string, secret: string): void {
    test(`${method} ${raw}`, () => {
      const target = targetOf(method, raw);
      expect(target).toMatchObject({ path: '/sub', sent: '/sub' });
      expect(target.subscription?.reveal()).toBe(secret);
      expect(isNowhere(target)).toBe(true);
      expect(isWrite(target)).toBe(false);
    });
  }

  isNothing('GET', '/sub/S/write', 'S');
  isNothing('PUT', '/sub/S/write', 'S');
  isNothing('POST', '/sub/S/write/', 'S');
  isNothing('POST', '/sub/S/WRITE', 'S');
  isNothing('POST', '/SUB/S/write', 'S');
  isNothing('POST', '/Sub/S/write', 'S');
  isNothing('POST', '/sub/S/ping', 'S');
  isNothing('DELETE', '/sub/S/ping', 'S');
  isNothing('POST', '/sub/S/kapacitor/v1/write', 'S');
  isNothing('GET', '/sub/S/kapacitor/v1/config', 'S');
  isNothing('POST', '/sub/S/sub/S/write', 'S');
  isNothing('POST', '/sub/S', 'S');
  isNothing('POST', '/sub/S/', 'S');
  isNothing('POST', '/sub;x/S/write', '');
  isNothing('POST', '/sub%20/S/write', '');
  isNothing('GET', '/sub=S/ping', '');
  isNothing('POST', '/sub', '');
  isNothing('POST', '/sub/', '');
});

describe('readTarget, a path below /sub that is not clean', () => {
  test.each([
    '//sub/S/write',
    '/./sub/S/write',
    '/x/../sub/S/write',
    '/%2e/sub/S/write',
    '/sub//S/write',
    '/sub/S//write',
    '/sub/S/./write',
    '/sub/S/../write',
    '/sub/S/../../write',
    '/sub/S/%2e%2e/%2e%2e/kapacitor/v1/config',
    '/sub/..',
    '/SUB/S//write',
    '/sub%2fS/write',
    '/sub/S%2fwrite',
    '/sub/S\\write',
    '/sub/S/write%00',
    '/sub/S/write#',
  ])('%s is refused, and never redirected', (raw) => {
    expect(readTarget('POST', raw).kind).toBe('refused');
  });
});

describe('isSubscriptionPath', () => {
  test.each([
    '/subscriptions',
    '/su',
    '/',
    '/subx/S/write',
    '/kapacitor/v1/sub/S',
    '/xsub/S',
    '/write',
  ])('%s is none', (path) => {
    expect(isSubscriptionPath(path)).toBe(false);
    expect(targetOf('POST', path).subscription).toBeUndefined();
  });
});

describe('shownPath', () => {
  function shows(method: string, raw: string, want: string): void {
    test(`${method} ${raw}`, () => {
      expect(shownPath(targetOf(method, raw))).toBe(want);
    });
  }
  shows('POST', '/write', '/write');
  shows('GET', '/kapacitor/v1/tasks/%20', '/kapacitor/v1/tasks/%20');
  shows('POST', '/sub/S3cret/write', '/sub/[redacted]/write');
  shows('GET', '/sub/S3cret/ping', '/sub/[redacted]/ping');
  shows('GET', '/sub/S3cret/write', '/sub/[redacted]');
  shows('POST', '/SUB/S3cret/write', '/sub/[redacted]');

  test('never holds a secret', () => {
    const segment = fc.constantFrom('write', 'ping', 'sub', 'SUB', '', 'x', '%73ub');
    fc.assert(
      fc.property(
        fc.constantFrom('POST', 'GET', 'HEAD', 'PUT'),
        fc.constantFrom('/sub', '/SUB', '/s%75b'),
        fc.array(segment, { maxLength: 3 }),
        (method, area, rest) => {
          const reading = readTarget(method, [area, 'CANARY', ...rest].join('/'));
          if (reading.kind !== 'target') {
            expect(JSON.stringify(reading)).not.toContain('CANARY');
            return;
          }
          expect(shownPath(reading.target)).not.toContain('CANARY');
          expect(JSON.stringify(reading.target)).not.toContain('CANARY');
        },
      ),
    );
  });
});
