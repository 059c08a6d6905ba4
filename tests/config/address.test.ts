import { describe, expect, test } from '@jest/globals';
import { parseAddress, reaches } from '../../src/config/address.ts';

describe('parseAddress', () => {
  test.each([
    [':9092', '', 9092],
    ['127.0.0.1:9092', '127.0.0.1', 9092],
    ['localhost:0', 'localhost', 0],
    ['[::1]:9092', '::1', 9092],
    ['[fe80::1%eth0]:65535', 'fe80::1%eth0', 65535],
    ['meta-1.example.com:8091', 'meta-1.example.com', 8091],
  ])('takes %s', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port });
  });

  test.each([
    ['', 'the port is missing'],
    ['9092', 'the port is missing'],
    ['localhost', 'the port is missing'],
    ['localhost:', 'the port is missing'],
    ['::1', 'an IPv6 address stands in brackets, before its port'],
    ['::1:9092', 'an IPv6 address stands in brackets, before its port'],
    ['172.17.0.2:8091:8091', 'it has 2 colons where one parts host and port'],
    ['http://localhost:9092', 'it has 2 colons where one parts host and port'],
    ['[localhost]:9092', '"[localhost]" is no IPv6 address'],
    ['local host:9092', '"local host" is neither a host name nor an address'],
    [' localhost:9092', '" localhost" is neither a host name nor an address'],
    [':http', '"http" is no port (0 to 65535)'],
    [':65536', '"65536" is no port (0 to 65535)'],
    [':-1', '"-1" is no port (0 to 65535)'],
  ])('refuses %s', (text, refused) => {
    expect(parseAddress(text)).toEqual({ refused });
  });
});

describe('reaches', () => {
  test.each([
    [':9092', '127.0.0.1'],
    [':9092', 'localhost'],
    [':9092', '[::1]'],
    ['0.0.0.0:9092', '127.0.0.1'],
    ['0.0.0.0:9092', '127.3.2.1'],
    ['[::]:9092', '127.0.0.1'],
    [':9092', '0.0.0.0'],
    ['127.0.0.1:9092', 'localhost'],
    ['localhost:9092', '[::1]'],
    ['127.0.0.1:9092', '[::ffff:127.0.0.1]'],
    ['10.0.0.1:9092', '10.0.0.1'],
    ['Gate.example.com:9092', 'gate.example.com.'],
    [':9092', 'gate.example.com'],
  ])('says that a server at %s is found at port 9092 of %s', (bind, host) => {
    expect(reachesAt(bind, host)).toBe(true);
  });

  test.each([
    [':9093', '127.0.0.1'],
    ['127.0.0.1:9092', '127.0.0.2'],
    ['127.0.0.1:9092', '[::1]'],
    ['10.0.0.1:9092', '127.0.0.1'],
    ['10.0.0.1:9092', '0.0.0.0'],
    [':9092', 'kapacitor.example.com'],
    ['10.0.0.1:9092', 'gate.example.com'],
  ])('says that a server at %s is not found at port 9092 of %s', (bind, host) => {
    expect(reachesAt(bind, host)).toBe(false);
  });

  function reachesAt(bind: string, host: string): boolean {
    const address = parseAddress(bind);
    if ('refused' in address) throw new Error(address.refused);
    return reaches(address, { host, port: 9092 }, ['gate.example.com']);
  }
});
