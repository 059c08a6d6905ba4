// @ts-check
// npm run test:packages: builds the packages, and runs docs/install.md line by line on a clean Debian 13 of its own.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readPackage } from '../contents.js';
import { checkLibraries, checkListing } from './contents.js';
import { playDebian, playNpm, playTarball } from './install.js';
import { openMachine, settle } from './machine.js';
import { debianMirror } from './mirror.js';
import { notPlayed } from './page.js';
import { run, skipped, step } from './steps.js';

const SUITE = 'trixie';
const NEXT = '0.2.0';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { version } = readPackage(root);
const scratch = mkdtempSync(join(tmpdir(), 'kapgate-packages-'));
const packages = join(scratch, 'packages');
const again = join(scratch, 'again');
const tree = join(scratch, 'debian');
const deb = join(packages, `kapgate_${version}_amd64.deb`);

try {
  const mirror = await usableMirror();
  if ('missing' in mirror) skipped(`the packages on a clean Debian: ${mirror.missing}`);
  await Promise.all([
    step('the packages are built', build),
    'missing' in mirror ? undefined : step(`Debian ${SUITE} is made`, () => bootstrap(mirror.uri)),
  ]);
  await step('the .deb holds what it may hold, and no more', () => checkListing(deb));
  await step('its native modules ask for the libraries that it depends on', async () => {
    const unpacked = join(scratch, 'unpacked');
    await run(['dpkg-deb', '--extract', deb, unpacked]);
    await checkLibraries(join(unpacked, 'usr/lib/kapgate'), deb);
  });
  await step('the tar.gz runs where it is unpacked', async () => {
    const archive = join(packages, `kapgate-${version}-linux-x64.tar.gz`);
    await run(['tar', '-xzf', archive, `--directory=${scratch}`]);
    const program = join(scratch, `kapgate-${version}-linux-x64/bin/kapgate`);
    assert.equal((await run([program, '--version'], { cwd: scratch })).stdout, `${version}\n`);
  });
  if (!('missing' in mirror)) await playAll();
  console.log('\nThe packages are good.');
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** Built twice, they are the same. */
async function build() {
  const builder = fileURLToPath(new URL('../build.js', import.meta.url));
  const make = (/** @type {string[]} */ ...args) =>
    run([process.execPath, builder, ...args], { cwd: root });
  mkdirSync(packages);
  await make('--output', packages);
  await make('--output', again, '--only', 'tar');
  await make('--output', packages, '--only', 'deb', '--version', NEXT);
  await run(['npm', 'pack', '--silent', '--ignore-scripts', `--pack-destination=${packages}`], {
    cwd: root,
  });
  for (const name of readdirSync(again)) {
    assert.equal(
      digest(join(again, name)),
      digest(join(packages, name)),
      `${name} is never the same`,
    );
  }
}

/** @param {string} file */
function digest(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** @returns {Promise<{ uri: string } | { missing: string }>} */
async function usableMirror() {
  if (process.getuid?.() !== 0) return { missing: 'only root makes one' };
  for (const program of ['debootstrap', 'ip', 'curl', 'systemd-sysusers']) {
    const found = await run(['sh', '-c', `command -v ${program}`], { code: 'any' });
    if (found.code !== 0) return { missing: `no ${program}` };
  }
  const space = await run(['unshare', '--net', '--mount', 'ip', 'link', 'set', 'lo', 'up'], {
    code: 'any',
  });
  if (space.code !== 0) return { missing: 'no namespaces can be made' };
  const uri = debianMirror();
  if (uri === undefined) return { missing: 'no mirror of Debian in /etc/apt' };
  const release = `${uri.replace(/\/$/, '')}/dists/${SUITE}/Release`;
  const answer = await run(['curl', '-fsSIL', '--max-time', '30', release], { code: 'any' });
  return answer.code === 0 ? { uri } : { missing: `the mirror in /etc/apt does not have ${SUITE}` };
}

/** @param {string} uri */
async function bootstrap(uri) {
  await run(['debootstrap', '--variant=minbase', SUITE, tree, uri]);
  await settle(tree);
}

async function playAll() {
  const machine = await openMachine(tree, { packages, password: 'a password of a test' });
  try {
    await playDebian(machine, { version, next: NEXT });
    await playTarball(machine);
    await playNpm(machine);
    // But for those that made the packages.
    await step('each line of docs/install.md was run', () => {
      assert.deepEqual(
        notPlayed(machine.played()).filter((line) => !/^npm /.test(line)),
        [],
      );
    });
  } finally {
    await machine.close();
  }
}
