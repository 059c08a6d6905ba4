import { describe, expect, test } from '@jest/globals';
import { readClientCertificate } from '../../src/kernel/client-certificate.ts';

const read = (commonName: unknown, subjectAltName?: string): string => {
  const reading = readClientCertificate({ commonName, subjectAltName });
  return reading.kind === 'named' ? reading.name : reading.why;
};

describe('readClientCertificate', () => {
  test.each<[unknown, string | undefined, string]>([
    ['ann', undefined, 'ann'],
    ['ann', 'DNS:admin', 'ann'],
    ['管理者', undefined, '管理者'],
    ['ann', 'URI:"http://x\\u002c DNS:admin"', 'ann'],
    [undefined, 'DNS:a.example, DNS:b.example', 'a.example'],
    [undefined, 'IP Address:127.0.0.1, email:ann@x.example', 'ann@x.example'],
    [undefined, 'URI:http://DNS:admin, othername:<unsupported>, DNS:ann', 'ann'],
  ])('the name in %j and %j is %s', (commonName, subjectAltName, want) => {
    expect(read(commonName, subjectAltName)).toBe(want);
  });

  test.each<[unknown, string | undefined, RegExp]>([
    [['ann', 'admin'], undefined, /more than one CN/],
    [['ann', 'admin'], 'DNS:ann', /more than one CN/],
    ['', 'DNS:ann', /empty or holds characters that do not print/],
    ['ann\0.admin', undefined, /do not print/],
    ['ann\nCN=admin', undefined, /do not print/],
    ['\u202eann', undefined, /do not print/],
    [undefined, undefined, /names nobody/],
    [undefined, 'IP Address:127.0.0.1', /names nobody/],
    // As Node prints a comma, or what else could part two names.
    [undefined, 'URI:"http://x\\u002c DNS:admin"', /one way only/],
    [undefined, 'DNS:"a\\u002c DNS:admin", DNS:ann', /one way only/],
    [undefined, 'DNS:', /empty/],
  ])('%j and %j is nobody', (commonName, subjectAltName, why) => {
    expect(read(commonName, subjectAltName)).toMatch(/^the client certificate is not accepted: /);
    expect(read(commonName, subjectAltName)).toMatch(why);
  });
});
