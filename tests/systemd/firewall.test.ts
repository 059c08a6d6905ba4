import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile, spawnSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { read } from '../docs/tree.ts';
import { MAIN, writeConfig } from '../support/gateway-process.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const TIMEOUT_MS = 180_000;
const SCRIPT = fileURLToPath(new URL('in-namespace.js', import.meta.url));

interface Try {
  readonly who: string;
  readonly to: 'kapacitor' | 'other';
  readonly host: string;
  readonly reached: boolean;
}

interface Played {
  readonly before: readonly Try[];
  readonly with: readonly Try[];
  readonly after: readonly Try[];
  readonly earlyIsAnswered: boolean;
  readonly tables: string;
  readonly doctorBefore: readonly string[];
  readonly doctorWith: readonly string[];
}

/** Why it cannot be played here; undefined where it can. */
function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  for (const program of ['nft', 'ip', 'nsenter', 'unshare']) {
    if (spawnSync(program, ['--version']).error !== undefined) return `no ${program}`;
  }
  // A namespace that takes rules: containers often have none.
  const tried = spawnSync('unshare', ['--net', 'nft', 'add', 'table', 'inet', 'kapgate_try']);
  return tried.status === 0 ? undefined : 'no network namespace with nftables can be made';
}

const reason = whyNot();
if (reason !== undefined) process.stderr.write(`skipped: ${reason} (systemd/kapgate.nft)\n`);

(reason === undefined ? describe : describe.skip)('systemd/kapgate.nft', () => {
  let dir: TempDir;
  let played: Played;

  beforeAll(async () => {
    dir = await createTempDir();
    const rules = join(dir.path, 'kapgate.nft');
    const text = read('systemd/kapgate.nft');
    const here = text.replace('define gateway_user = "kapgate"', 'define gateway_user = 12345');
    expect(here).not.toBe(text);
    await writeFile(rules, here);
    const upstream = 'http://127.0.0.1:9192';
    const config = await writeConfig({ dir: dir.path, port: 9092, upstream });
    await chmod(config, 0o640);
    const args = ['--net', process.execPath, SCRIPT, rules, config, MAIN];
    const { stdout } = await promisify(execFile)('unshare', args, { timeout: TIMEOUT_MS });
    played = JSON.parse(stdout) as Played;
  }, TIMEOUT_MS);

  afterAll(() => dir.remove());

  /** Who reaches what, by what a rule says of them. */
  function reached(tries: readonly Try[], to: Try['to']): readonly string[] {
    return [
      ...new Set(tries.filter((each) => each.to === to && each.reached).map(({ who }) => who)),
    ].toSorted();
  }

  function refused(tries: readonly Try[], to: Try['to']): readonly string[] {
    return [
      ...new Set(tries.filter((each) => each.to === to && !each.reached).map(({ who }) => who)),
    ].toSorted();
  }

  const EVERYBODY = ['another machine', 'gateway', 'nobody', 'root'];

  test('without it everybody reaches Kapacitor', () => {
    expect(reached(played.before, 'kapacitor')).toEqual(EVERYBODY);
    expect(refused(played.before, 'kapacitor')).toEqual([]);
  });

  test('with it only the gateway and root do, on each address and from this machine', () => {
    expect(reached(played.with, 'kapacitor')).toEqual(['gateway', 'root']);
    expect(refused(played.with, 'kapacitor')).toEqual(['another machine', 'nobody']);
  });

  test('it leaves other ports alone', () => {
    expect(reached(played.with, 'other')).toEqual(EVERYBODY);
    expect(refused(played.with, 'other')).toEqual([]);
  });

  test('it cuts connections that were there before', () => {
    expect(played.earlyIsAnswered).toBe(false);
  });

  test('loaded twice it is one table, and without it all is as before', () => {
    expect(played.tables).toBe('table inet kapgate');
    expect(played.after).toEqual(played.before);
  });

  test('doctor sees the difference', () => {
    const listens = 'listens on [::]:9192, for other machines too';
    expect(played.doctorBefore).toEqual(
      expect.arrayContaining([
        expect.stringMatching(
          new RegExp(`^around fault: .* ${listens.replace(/[[\]]/g, '\\$&')}$`),
        ),
        expect.stringMatching(
          /^around fault: Kapacitor answers without the gate at http:\/\/10\.231\.0\.1:9192/,
        ),
        'around warning: every user of this machine reaches Kapacitor on port 9192',
      ]),
    );
    expect(played.doctorWith).toContain(
      'around ok: other users of this machine do not reach Kapacitor',
    );
  });
});

describe('the unit of the rules', () => {
  test('loads and takes away what the rules are', () => {
    const unit = read('systemd/kapgate-firewall.service');
    expect(read('systemd/kapgate.nft')).toContain('\ntable inet kapgate {\n');
    expect(unit).toContain('\nExecStart=/usr/sbin/nft -f /etc/kapgate/kapgate.nft\n');
    expect(unit).toContain('\nExecStop=/usr/sbin/nft delete table inet kapgate\n');
  });
});
