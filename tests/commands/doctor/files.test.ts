import { describe, expect, test } from '@jest/globals';
import { fileFindings } from '../../../src/commands/doctor/files.ts';
import type { Finding } from '../../../src/commands/doctor/finding.ts';
import { examine } from '../../../src/commands/doctor/patient.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { makeMachine } from './machine.ts';
import type { Made } from './machine.ts';

const STORE = '/var/lib/kapgate';
const FILE = '/etc/kapgate/gateway.toml';

/** As it is on a machine where all is well. */
const FACTS: NonNullable<Made['facts']> = {
  '/': {},
  '/etc': {},
  '/etc/kapgate': {},
  '/var': {},
  '/var/lib': {},
  [STORE]: { mode: 0o700, uid: 123 },
  [`${STORE}/data.mdb`]: { mode: 0o600, uid: 123, isDirectory: false },
  [`${STORE}/lock.mdb`]: { mode: 0o600, uid: 123, isDirectory: false },
  [FILE]: { mode: 0o644, isDirectory: false },
  '/etc/kapgate/secret': { mode: 0o640, isDirectory: false },
};

function findings(facts: Made['facts'], toml = '', more: Partial<Made> = {}): readonly Finding[] {
  const machine = makeMachine({
    directories: { [STORE]: ['data.mdb', 'lock.mdb'] },
    ...more,
    facts: { ...FACTS, ...facts },
  });
  const loaded = loadConfig({
    file: FILE,
    env: {},
    readFile: (path) => (path === FILE ? toml : 'a-secret-of-16-bytes'),
  });
  return fileFindings(examine(machine, loaded));
}

function faults(...args: Parameters<typeof findings>): readonly string[] {
  return findings(...args).map(({ result, what, fix }) => `${result}: ${what} | ${fix ?? ''}`);
}

const SECRET = '[http]\nshared-secret = "canary-of-16-bytes"\n';
const SECRET_FILE = '[http]\nshared-secret-file = "/etc/kapgate/secret"\n';

describe('fileFindings', () => {
  test('has nothing to say where all is well', () => {
    for (const toml of ['', SECRET_FILE]) {
      expect(findings({}, toml)).toEqual([
        { part: 'files', result: 'ok', what: 'only their owner reads store, secrets and keys' },
      ]);
    }
  });

  test.each([
    ['the store', { [STORE]: { mode: 0o750, uid: 123 } }, `chmod 0700 ${STORE}`],
    [
      'a file of it',
      { [`${STORE}/data.mdb`]: { mode: 0o644, uid: 123, isDirectory: false } },
      `chmod 0600 ${STORE}/data.mdb`,
    ],
    [
      'a file of another user',
      { [`${STORE}/lock.mdb`]: { mode: 0o600, uid: 0, isDirectory: false } },
      `chown --reference=${STORE} ${STORE}/lock.mdb`,
    ],
    ['a directory above the store', { '/var/lib': { mode: 0o777 } }, 'chmod o-w /var/lib'],
    [
      'a directory above the configuration',
      { '/etc/kapgate': { mode: 0o757 } },
      'chmod o-w /etc/kapgate',
    ],
    ['the configuration, for all', { [FILE]: { mode: 0o646 } }, `chmod o-w ${FILE}`],
  ])('finds %s open', (_, facts, fix) => {
    const found = faults(facts);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^fault: /);
    expect(found[0]).toContain(` | ${fix}`);
  });

  test('lets a sticky directory pass', () => {
    expect(findings({ '/var/lib': { mode: 0o1777 } })).toMatchObject([{ result: 'ok' }]);
  });

  test('warns where a group writes the configuration', () => {
    expect(findings({ [FILE]: { mode: 0o664 } })).toMatchObject([{ result: 'warning' }]);
  });

  test('finds a configuration that everyone reads only where it holds a secret in clear', () => {
    expect(faults({}, SECRET)).toEqual([
      `fault: every user reads ${FILE}, which holds [http] shared-secret | chown root:kapgate ${FILE} && chmod 0640 ${FILE}`,
    ]);
    expect(findings({ [FILE]: { mode: 0o640 } }, SECRET)).toMatchObject([{ result: 'ok' }]);
    expect(findings({}, '[http]\nshared-secret = ""\n')).toMatchObject([{ result: 'ok' }]);
  });

  test('finds the file of a secret open', () => {
    expect(faults({ '/etc/kapgate/secret': { mode: 0o644 } }, SECRET_FILE)).toEqual([
      'fault: every user may read or write the file of [http] shared-secret: /etc/kapgate/secret (0644) | chmod o-rwx /etc/kapgate/secret',
    ]);
  });

  test('says what it may not look at, and what is not there', () => {
    expect(findings({}, '', { directories: {} })).toEqual([
      {
        ...{ part: 'files', result: 'unseen', fix: 'run it as root' },
        what: `who may read the files in ${STORE}`,
      },
    ]);
    expect(findings({ [STORE]: undefined } as unknown as Made['facts'])).toMatchObject([
      { result: 'unseen', what: `who may read ${STORE}: it is not there` },
    ]);
  });
});
