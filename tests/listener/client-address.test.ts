import { describe, expect, test } from '@jest/globals';
import type { ClientRequest } from '../../src/kernel/client-request.ts';
import { createClientAddress } from '../../src/listener/client-address.ts';
import { createNetworks, refusedNetwork } from '../../src/kernel/networks.ts';

function request(forwardedFor?: string): Pick<ClientRequest, 'headers'> {
  return { headers: forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor } };
}

describe('createClientAddress', () => {
  const PROXIES = ['10.0.0.0/8', '127.0.0.1', '2001:db8::/32'];

  test.each<[why: string, peer: string, header: string | undefined, want: string]>([
    ['nobody untrusted is believed', '192.0.2.1', '198.51.100.7', '192.0.2.1'],
    ['a trusted proxy is believed', '10.1.2.3', '198.51.100.7', '198.51.100.7'],
    [
      'what the client wrote itself is left of it',
      '10.1.2.3',
      '1.1.1.1, 198.51.100.7',
      '198.51.100.7',
    ],
    ['a chain of trusted proxies', '127.0.0.1', '1.1.1.1, 198.51.100.7, 10.9.9.9', '198.51.100.7'],
    ['all of the chain is trusted', '127.0.0.1', '10.0.0.2, 10.0.0.3', '10.0.0.2'],
    ['no header', '10.1.2.3', undefined, '10.1.2.3'],
    ['an empty header', '10.1.2.3', '', '10.1.2.3'],
    ['what is no address ends it', '10.1.2.3', '198.51.100.7, unknown', '10.1.2.3'],
    [
      'behind what is no address nobody is believed',
      '10.1.2.3',
      '1.1.1.1, x, 10.0.0.9',
      '10.0.0.9',
    ],
    ['a port is taken off', '10.1.2.3', '198.51.100.7:4711', '198.51.100.7'],
    ['IPv6 in brackets', '10.1.2.3', '[2001:dead::1]:4711', '2001:dead::1'],
    ['IPv6 bare', '2001:db8::5', '2001:dead::1', '2001:dead::1'],
    ['a Unix socket that is not trusted', 'unix', '198.51.100.7', 'unix'],
    ['a header that says unix', '10.1.2.3', '198.51.100.7, unix', '10.1.2.3'],
    ['IPv4 in IPv6, as a hop', '10.1.2.3', '::ffff:198.51.100.7', '198.51.100.7'],
    ['octal digits are no address', '10.1.2.3', '010.0.0.1', '10.1.2.3'],
  ])('%s', (_why, peer, header, want) => {
    expect(createClientAddress(PROXIES)(request(header), peer)).toBe(want);
  });

  test('behind a Unix socket that is trusted, the header is believed', () => {
    const address = createClientAddress(['unix', '10.0.0.0/8']);
    expect(address(request('1.1.1.1, 198.51.100.7, 10.9.9.9'), 'unix')).toBe('198.51.100.7');
    expect(address(request(), 'unix')).toBe('unix');
    expect(address(request('198.51.100.7'), '192.0.2.1')).toBe('192.0.2.1');
  });

  test('without trusted proxies the header says nothing', () => {
    const address = createClientAddress([]);
    expect(address(request('10.0.0.1'), '192.0.2.1')).toBe('192.0.2.1');
  });
});

describe('refusedNetwork', () => {
  test.each(['10.0.0.0/8', '127.0.0.1', '::1', 'fe80::/10', '0.0.0.0/0'])('takes %s', (entry) => {
    expect(refusedNetwork(entry)).toBeUndefined();
    expect(createNetworks([entry]).has('no address')).toBe(false);
  });

  test.each([
    '',
    'proxy',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0/8',
    '::1/-1',
  ])('refuses %j', (entry) => {
    expect(refusedNetwork(entry)).toContain(JSON.stringify(entry));
  });
});
