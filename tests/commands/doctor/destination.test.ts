import { describe, expect, test } from '@jest/globals';
import { readDestination } from '../../../src/commands/doctor/destination.ts';
import type { Ends } from '../../../src/commands/doctor/destination.ts';

const ENDS: Ends = {
  gateUrl: 'http://127.0.0.1:9092',
  gatePort: 9092,
  upstreamPort: 9192,
  isHere: (host) => Promise.resolve(['127.0.0.1', 'localhost', '::1', 'here'].includes(host)),
  isKnown: (secret) => secret.reveal() === 'GOOD',
};

describe('readDestination', () => {
  test.each([
    ['http://here:9092/sub/GOOD', 'gate'],
    ['http://here:9092/sub/GOOD/', 'gate'],
    ['http://here:9092?u=influxdb&p=x', 'gate'],
    ['http://u:p@here:9092', 'gate'],
    ['https://here:9092/sub/GOOD', 'gate'],
    ['http://here:9092/sub/OLD', 'stale'],
    ['http://here:9092', 'bare'],
    ['http://here:9092/', 'bare'],
    ['http://here:9092?u=influxdb', 'bare'],
    ['http://here:9092/sub/', 'bare'],
    ['http://here:9092/other', 'bare'],
    ['http://here:9192', 'around'],
    ['http://here:9192/sub/GOOD', 'around'],
    ['http://[::1]:9192', 'around'],
    ['udp://here:40123', 'around'],
    ['http://here:8086', 'elsewhere'],
    ['http://here', 'elsewhere'],
    ['http://there:9092', 'elsewhere'],
    ['udp://there:9092', 'elsewhere'],
    ['nonsense', 'elsewhere'],
  ])('takes %s for %s', async (url, kind) => {
    expect(await readDestination(url, ENDS)).toMatchObject({ kind });
  });

  test('takes a path at its word where the store cannot be read', async () => {
    const ends = { ...ENDS, isKnown: () => undefined };
    expect(await readDestination('http://here:9092/sub/OLD', ends)).toMatchObject({ kind: 'gate' });
  });
});
