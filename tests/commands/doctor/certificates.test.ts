import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { certificateFindings } from '../../../src/commands/doctor/certificates.ts';
import type { Finding } from '../../../src/commands/doctor/finding.ts';
import { examine } from '../../../src/commands/doctor/patient.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { createAuthority, findOpenssl } from '../../support/certificates.ts';
import type { CertificateAuthority } from '../../support/certificates.ts';
import { createTempDir } from '../../support/temp-dir.ts';
import type { TempDir } from '../../support/temp-dir.ts';
import { makeMachine } from './machine.ts';

const DAY_MS = 86_400_000;
let dir: TempDir;
let authority: CertificateAuthority;

const withOpenssl = findOpenssl('certificates in the doctor’s hands') ? describe : describe.skip;

function judge(text: string | undefined, now = Date.now()): readonly Finding[] {
  const machine = makeMachine({ now, files: text === undefined ? {} : { '/ca.pem': text } });
  const toml = '[upstream]\nurl = "https://127.0.0.1:9192"\nca = "/ca.pem"\n';
  const loaded = loadConfig({ file: 'gateway.toml', env: {}, readFile: () => toml });
  return certificateFindings(examine(machine, loaded));
}

withOpenssl('certificateFindings', () => {
  beforeAll(async () => {
    dir = await createTempDir();
    authority = createAuthority(dir.path);
  });

  afterAll(() => dir.remove());

  test('tells until when one is good, warns in its last 30 days, and finds it ended', () => {
    // It is made for two days.
    const now = Date.now();
    expect(judge(authority.ca, now)).toMatchObject([{ result: 'warning' }]);
    expect(judge(authority.ca, now)[0]?.what).toMatch(
      /^\[upstream\] ca: \/ca\.pem \(CN=ca\) ends in 1 day, on /,
    );
    expect(judge(authority.ca, now + 3 * DAY_MS)).toMatchObject([{ result: 'fault' }]);
    expect(judge(authority.ca, now - 40 * DAY_MS)[0]?.what).toContain('begins only on');
  });

  test('one good authority of several is enough', () => {
    const ended = readFileSync(authority.issue('ended', { isExpired: true }).certFile, 'utf8');
    expect(judge(ended)).toMatchObject([{ result: 'fault' }]);
    const [found] = judge(ended + authority.ca);
    expect(found).toMatchObject({ result: 'warning' });
    expect(found?.what).toContain('CN=ca');
  });

  test.each([
    ['that is not there', undefined, 'is not there'],
    ['that is none', 'hello', 'holds no certificate in PEM'],
    [
      'that is damaged',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      'holds no certificate',
    ],
  ])('finds a file %s', (_, text, words) => {
    const [found] = judge(text);
    expect(found).toMatchObject({ result: 'fault' });
    expect(found?.what).toContain(words);
  });
});
