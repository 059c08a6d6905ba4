import { describe, expect, test } from '@jest/globals';
import { endpoint, isAny, isLoopback, readSockets } from '../../../src/commands/doctor/sockets.ts';
import { row } from './machine.ts';

const HEAD = '  sl  local_address rem_address   st …';

describe('readSockets', () => {
  test.each([
    ['0100007F:23E8', '127.0.0.1', 9192],
    ['00000000:2384', '0.0.0.0', 9092],
    ['0500000A:0050', '10.0.0.5', 80],
    ['00000000000000000000000000000000:2384', '::', 9092],
    ['00000000000000000000000001000000:2384', '::1', 9092],
    ['0000000000000000FFFF00000100007F:2384', '127.0.0.1', 9092],
    ['B80D0120000000000000000001000000:2384', '2001:db8::1', 9092],
  ])('reads %s as %s, port %d', (local, host, port) => {
    const remote = local.length > 13 ? `${'0'.repeat(32)}:0000` : '00000000:0000';
    expect(readSockets(`${HEAD}\n${row(local, remote, '0A', 123, 4711)}\n`, 'tcp')).toEqual([
      {
        ...{ protocol: 'tcp', state: 'listening', host, port },
        ...{ remoteHost: remote.length > 13 ? '::' : '0.0.0.0', remotePort: 0 },
        ...{ uid: 123, inode: '4711' },
      },
    ]);
  });

  test('tells what is open to others from what is connected, and leaves out the rest', () => {
    const all = (protocol: 'tcp' | 'udp', remote: string): string[] =>
      ['01', '06', '07', '0A'].flatMap((state) =>
        readSockets(`${HEAD}\n${row('0100007F:0001', remote, state, 0, 1)}`, protocol).map(
          (socket) => `${state} ${socket.state}`,
        ),
      );
    expect(all('tcp', '00000000:0000')).toEqual(['01 connected', '0A listening']);
    expect(all('udp', '00000000:0000')).toEqual(['01 connected', '07 bound']);
    expect(all('udp', '0100007F:0035')).toEqual(['01 connected']);
  });

  test.each(['', HEAD, `${HEAD}\nno row at all`, `${HEAD}\n 0: XX:YY 0:0 0A`])(
    'finds nothing in %j',
    (text) => {
      expect(readSockets(text, 'tcp')).toEqual([]);
    },
  );
});

describe('isLoopback and isAny', () => {
  test('know the addresses of this machine alone, and of every one', () => {
    const hosts = ['127.0.0.1', '127.8.8.8', '::1', 'localhost', '10.0.0.5', '::', '0.0.0.0', ''];
    expect(hosts.filter(isLoopback)).toEqual(['127.0.0.1', '127.8.8.8', '::1', 'localhost']);
    expect(hosts.filter(isAny)).toEqual(['::', '0.0.0.0', '']);
  });
});

describe('endpoint', () => {
  test('puts IPv6 into brackets', () => {
    expect([endpoint('::1', 1), endpoint('10.0.0.5', 2)]).toEqual(['[::1]:1', '10.0.0.5:2']);
  });
});
