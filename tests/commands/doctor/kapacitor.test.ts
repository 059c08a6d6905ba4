import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Finding } from '../../../src/commands/doctor/finding.ts';
import { firstAdminFindings } from '../../../src/commands/doctor/gate.ts';
import { kapacitorFindings } from '../../../src/commands/doctor/kapacitor.ts';
import { examine } from '../../../src/commands/doctor/patient.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { Loaded } from '../../../src/config/load.ts';
import { findFreePort } from '../../support/free-port.ts';
import { answering, startRecordingUpstream } from '../../support/recording-upstream.ts';
import type { RecordingUpstream } from '../../support/recording-upstream.ts';
import { makeMachine, row, tables } from './machine.ts';
import type { Made } from './machine.ts';

const VERSION = { 'X-Kapacitor-Version': '1.5.9' };
const NOW = Date.parse('2026-03-01T12:00:00Z');

let upstream: RecordingUpstream;

beforeAll(async () => {
  upstream = await startRecordingUpstream(answering(204, VERSION));
});

afterAll(() => upstream.stop());

function load(toml: string): Loaded {
  return loadConfig({ file: 'gateway.toml', env: {}, readFile: () => toml });
}

async function findings(url = upstream.url, made: Made = {}): Promise<readonly Finding[]> {
  const machine = makeMachine({ now: NOW, ...made });
  return kapacitorFindings(examine(machine, load(`[upstream]\nurl = "${url}"\n`)), {});
}

describe('kapacitorFindings', () => {
  test.each([
    ['Sun, 01 Mar 2026 12:00:00 GMT', 'ok'],
    ['Sun, 01 Mar 2026 12:00:29 GMT', 'ok'],
    ['Sun, 01 Mar 2026 11:59:31 GMT', 'ok'],
    ['Sun, 01 Mar 2026 12:00:31 GMT', 'warning'],
    ['Sun, 01 Mar 2026 11:59:00 GMT', 'warning'],
  ])('takes a Date of %s for %s', async (date, result) => {
    upstream.answerBy(answering(204, { ...VERSION, Date: date }));
    expect((await findings())[1]).toMatchObject({ part: 'clock', result });
  });

  test('finds one that asks for credentials itself', async () => {
    upstream.answerBy(answering(401, VERSION));
    expect((await findings())[0]).toMatchObject({ result: 'fault' });
  });

  test('warns of what does not answer as Kapacitor', async () => {
    upstream.answerBy(answering(200));
    expect((await findings())[0]).toMatchObject({ result: 'warning' });
  });

  test('finds one that is not there', async () => {
    const nobody = `http://127.0.0.1:${await findFreePort()}`;
    expect(await findings(nobody)).toMatchObject([{ result: 'fault' }]);
  });

  test('does not blame it where the firewall lets everyone but this user through', async () => {
    const port = await findFreePort();
    const hex = port.toString(16).padStart(4, '0').toUpperCase();
    const files = tables({ tcp: [row(`0100007F:${hex}`, '00000000:0000', '0A', 100, 11)] });
    const url = `http://127.0.0.1:${port}`;
    expect(await findings(url, { uid: 1000, files })).toMatchObject([
      { result: 'unseen', fix: 'run it as root' },
    ]);
    expect(await findings(url, { uid: 0, files })).toMatchObject([{ result: 'fault' }]);
  });
});

describe('firstAdminFindings', () => {
  test('warns while nobody was ever made an admin', () => {
    const judge = (toml: string, ever?: boolean): readonly string[] =>
      firstAdminFindings(load(toml).config, ever).map(
        ({ result, why }) => `${result} ${why ?? ''}`,
      );
    expect(judge('', true)).toEqual([]);
    expect(judge('', undefined)).toEqual(['unseen ']);
    expect(judge('', false)[0]).toMatch(/^warning for 15 minutes after each start/);
    expect(judge('[auth]\nbootstrap = false\n', false)[0]).toMatch(/^warning nobody can/);
    const { config } = load('');
    const beside = { ...config, auth: { ...config.auth, metaAddr: ['meta:8091'] } };
    expect(firstAdminFindings(beside, false)).toEqual([]);
  });
});
