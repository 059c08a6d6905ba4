// @ts-check
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { linesOfPage } from './page.js';
import { step } from './steps.js';
/** @typedef {import('./machine.js').Machine} Machine */

const page = linesOfPage();
const EDITED = '\n[auth]\ncache-expiration = "7m"\n';
const TASKS = '/kapacitor/v1/tasks';

/** @param {string} heading */
function linesOf(heading) {
  const lines = page.get(heading);
  assert(lines !== undefined && lines.length > 0, `docs/install.md has no lines under ${heading}`);
  return lines;
}

/** @param {Machine} machine @param {{ version: string, next: string }} versions */
export async function playDebian(machine, { version, next }) {
  const { act, play, tree } = machine;
  await step('Kapacitor answers anybody', async () => {
    await machine.startKapacitor();
    assert.equal(await machine.status(TASKS), 200);
  });
  await step('the .deb is installed, with what it depends on', async () => {
    await play('sudo apt-get update');
    const [line = ''] = linesOf('Debian');
    const { stdout } = await play(line);
    assert.match(
      stdout,
      /not started\.[\s\S]*sudo kapgate users add NAME --admin\n.*enable --now kapgate\n/,
    );
    assert.equal((await act(['kapgate', '--version'])).stdout, `${version}\n`);
  });
  await step('it makes user, directories and modes, and starts nothing', () =>
    checkInstalled(machine),
  );
  await step('check says what is missing', async () => {
    const { stdout } = await act(['kapgate', 'check'], { code: 1 });
    assert.match(stdout, /^fault +upstream +http:\/\/127\.0\.0\.1:9192 cannot be reached/m);
    assert.match(stdout, /^warning +store +.*no admin yet/m);
  });
  await step('the lines of "A closed gate" close it', () => playClosedGate(machine));
  await step('a secret comes from root alone', () => playSecrets(machine));
  await step('an upgrade keeps configuration and users, and restarts what ran', async () => {
    const before = readFileSync(join(tree, 'etc/kapgate/gateway.toml'), 'utf8');
    writeFileSync(join(tree, 'etc/kapgate/gateway.toml'), `${before}${EDITED}`);
    machine.systemctlCalls();
    const line = `sudo apt-get install ./kapgate_${next}_amd64.deb`;
    assert(linesOf('Upgrade').includes(line));
    const { stdout } = await play(line);
    assert.doesNotMatch(stdout, /not started/);
    assert.equal((await act(['kapgate', '--version'])).stdout, `${next}\n`);
    assert.equal(machine.text('etc/kapgate/gateway.toml'), `${before}${EDITED}`);
    assert.equal(await statOf(machine, '/etc/kapgate/gateway.toml'), 'root:kapgate 640');
    const calls = machine.systemctlCalls();
    assert(
      calls.some((call) => /try-restart kapgate\.service/.test(call)),
      calls.join('; '),
    );
    assert(!calls.some((call) => /enable|(?:^|[^-])\bstart\b/.test(call)), calls.join('; '));
    await playAll(machine, linesOf('Upgrade').slice(1));
    await checkClosed(machine);
    assert.match((await act(['kapgate', 'config'])).stdout, /cache-expiration += "7m"/);
  });
  await step('removed, it leaves configuration and users; purged, nothing', () =>
    playUninstall(machine),
  );
}

/** @param {Machine} machine */
async function checkInstalled(machine) {
  const { act, tree } = machine;
  assert.equal(
    (await act(['getent', 'passwd', 'kapgate'])).stdout.replace(/:\d+:\d+:[^:]*:/, ':'),
    'kapgate:x:/var/lib/kapgate:/usr/sbin/nologin\n',
  );
  const modes = {
    '/etc/kapgate': 'root:root 755',
    '/etc/kapgate/gateway.toml': 'root:kapgate 640',
    '/etc/kapgate/kapgate.nft': 'root:root 644',
    '/var/lib/kapgate': 'kapgate:kapgate 700',
    '/var/log/kapgate': 'kapgate:kapgate 750',
  };
  for (const [path, want] of Object.entries(modes))
    assert.equal(await statOf(machine, path), want, path);
  // Nothing to report: every file is as its sum says.
  assert.equal((await act(['dpkg', '--verify', 'kapgate'])).stdout, '');
  assert.deepEqual(machine.systemctlCalls(), ['--system daemon-reload']);
  const links = await act(['find', '/etc/systemd', '-name', 'kapgate*', '-type', 'l']);
  assert.equal(links.stdout, '');
  assert(!existsSync(join(tree, 'var/lib/kapgate/data.mdb')));
  assert.equal(await machine.status(TASKS), 200);
}

/** @param {Machine} machine @param {string} path */
async function statOf({ act }, path) {
  return (await act(['stat', '--format=%U:%G %a', path])).stdout.trim();
}

/** @param {Machine} machine @param {readonly string[]} lines */
async function playAll({ play }, lines) {
  for (const line of lines) await play(line);
}

/** @param {Machine} machine @param {string} [from] */
async function playClosedGate(machine, from) {
  for (const line of linesOf('A closed gate')) {
    const here = from === undefined ? line : line.replace('/usr/share/kapgate', from);
    const { stdout } = await machine.play(here);
    machine.played().add(line);
    if (line === 'sudo kapgate check') assert.doesNotMatch(stdout, /^(?:fault|warning)/m);
    if (line.startsWith('curl -i http')) assert.match(stdout, /^HTTP\/1\.1 401 /);
    if (line.startsWith('curl -i -u')) assert.match(stdout, /^HTTP\/1\.1 200 [\s\S]*"tasks"/);
    if (line.endsWith('/readyz')) assert.match(stdout, /"ready": ?true/);
  }
  await checkClosed(machine);
}

/** @param {Machine} machine */
async function checkClosed(machine) {
  const as = (/** @type {string} */ name) => ['-u', `${name}:a password of a test`];
  const write = ['-d', 'cpu usage=1'];
  assert.equal(await machine.status(TASKS), 401);
  assert.equal(await machine.status('/kapacitor/v1/ping', as('root')), 204);
  assert.equal(await machine.status(TASKS, as('chronograf')), 200);
  assert.equal(await machine.status('/write?db=telegraf', [...write, ...as('telegraf')]), 204);
  assert.equal(await machine.status('/write?db=other', [...write, ...as('telegraf')]), 403);
  assert.equal(await machine.status(TASKS, as('telegraf')), 403);
}

/** @param {Machine} machine */
async function playSecrets(machine) {
  const [directory = '', copy = '', ...rest] = linesOf('Secrets');
  await machine.play(directory);
  await machine.play(copy);
  const path = 'etc/systemd/system/kapgate.service.d/credentials.conf';
  assert.match(
    machine.text(path),
    /^#LoadCredential=http-shared-secret:\/etc\/kapgate\/secrets\//m,
  );
  assert.equal(await statOf(machine, '/etc/kapgate/secrets'), 'root:root 700');
  writeFileSync(
    join(machine.tree, 'etc/kapgate/secrets/http-shared-secret'),
    'sixteen bytes or more',
    { mode: 0o600 },
  );
  await playAll(machine, rest);
}

/** @param {Machine} machine */
async function playUninstall(machine) {
  const { act, play, tree } = machine;
  const [remove = '', purge = '', restart = ''] = linesOf('Uninstall');
  machine.systemctlCalls();
  await act(['rm', '/etc/systemd/system/kapacitor.service.d/kapgate.conf']);
  await play(remove);
  const calls = machine.systemctlCalls();
  assert(
    calls.some((call) => /stop.*kapgate\.service/.test(call)),
    calls.join('; '),
  );
  await machine.stop('kapgate');
  assert(!existsSync(join(tree, 'usr/lib/kapgate')));
  assert(existsSync(join(tree, 'var/lib/kapgate/data.mdb')));
  assert.match(machine.text('etc/kapgate/gateway.toml'), /7m/);
  await play(purge);
  await play(restart);
  assert.equal(await machine.status(TASKS), 200);
  const { stdout } = await act([
    ...[
      'find',
      '/',
      '-xdev',
      '-name',
      '*kapgate*',
      '-not',
      '-path',
      '/root/*',
      '-not',
      '-path',
      '/proc/*',
    ],
    ...['-not', '-path', '/var/cache/*'],
  ]);
  assert.equal(stdout, '/etc/systemd/system/kapgate.service.d\n');
  await act(['rm', '-r', '/etc/systemd/system/kapgate.service.d']);
  await act(['deluser', '--quiet', 'kapgate']);
}

/** @param {Machine} machine */
export async function playTarball(machine) {
  await step('the tar.gz is installed, closes the gate, and goes', async () => {
    await playAll(machine, linesOf('tar.gz'));
    await playUnderOpt(machine);
    await playAll(machine, linesOf('Uninstall').slice(3));
    await leave(machine);
  });
}

/** @param {Machine} machine */
export async function playNpm(machine) {
  await step('the npm package is installed, and closes the gate', async () => {
    await playAll(machine, linesOf('npm'));
    await playAll(machine, linesOf('tar.gz').slice(3));
    await playUnderOpt(machine);
    await leave(machine);
  });
}

/** Debian's Node, and directories that systemd makes. @param {Machine} machine */
async function playUnderOpt(machine) {
  for (const path of ['/var/lib/kapgate', '/var/log/kapgate']) {
    assert.match(await statOf(machine, path), /^kapgate:kapgate 7[05]0$/, path);
  }
  await playClosedGate(machine, '/opt/kapgate');
}

/** @param {Machine} machine */
async function leave(machine) {
  await machine.stop('kapgate');
  await machine.act([
    'rm',
    '-rf',
    '/etc/systemd/system/kapacitor.service.d',
    '/var/lib/kapgate',
    '/var/log/kapgate',
  ]);
  await machine.act(['userdel', 'kapgate']);
  await machine.play('sudo systemctl restart kapacitor');
}
