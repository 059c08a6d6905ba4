// @ts-check
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { run, start } from './steps.js';
/** @typedef {import('./steps.js').Running} Running */
/** @typedef {import('./steps.js').Result} Result */

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const UNIT_PLACES = ['etc/systemd/system', 'usr/lib/systemd/system'];
const DROP_IN = 'etc/systemd/system/kapacitor.service.d/kapgate.conf';
const ANSWER_MS = 60_000;

/** Runs in the tree before the tree is a machine: no service may start, and there is a network. @param {string} tree */
export async function settle(tree) {
  copyFileSync('/etc/resolv.conf', join(tree, 'etc/resolv.conf'));
  // What a maintainer script asks of systemd is written down.
  const systemctl = '#!/bin/sh\necho "$*" >>/run/systemctl.log\n';
  writeFileSync(join(tree, 'usr/bin/systemctl'), systemctl, { mode: 0o755 });
  await run(['mkdir', '-p', join(tree, 'run/systemd/system')]);
  // It is thrown away: nothing has to outlast a power cut.
  writeFileSync(join(tree, 'etc/dpkg/dpkg.cfg.d/unsafe-io'), 'force-unsafe-io\n');
}

/**
 * A tree of Debian as a machine with a network of its own, on which the lines of a document are run as they stand there.
 * @param {string} tree @param {{ packages: string, password: string }} options
 */
export async function openMachine(tree, { packages, password }) {
  const begin = 'ip link set lo up && mount -t proc proc "$0/proc" && echo ready && exec sleep 1d';
  const holder = start(['unshare', '--net', '--mount', 'sh', '-c', begin, tree]);
  await until(() => holder.log().includes('ready'), `a namespace: ${holder.log()}`);
  /** @type {Map<string, Running>} */
  const services = new Map();
  /** @type {Set<string>} */
  const played = new Set();

  /** @param {boolean} isOnline @param {readonly string[]} command */
  function inside(isOnline, command) {
    const namespaces = ['--mount', ...(isOnline ? [] : ['--net'])];
    const environment = [`PATH=${PATH}`, 'HOME=/root', 'DEBIAN_FRONTEND=noninteractive'];
    return [
      ...['nsenter', `--target=${holder.pid}`, ...namespaces, 'chroot', tree],
      ...['env', '--ignore-environment', '--chdir=/root', ...environment, ...command],
    ];
  }

  /** On the tree's network, but with this machine's programs. @param {readonly string[]} command */
  const beside = (command) => ['nsenter', `--target=${holder.pid}`, '--net', ...command];

  /** @param {readonly string[]} command @param {Parameters<typeof run>[1]} [options] */
  const act = (command, options) => run(inside(false, command), options);

  async function startKapacitor() {
    const place = existsSync(join(tree, DROP_IN))
      ? (/^Environment=(KAPACITOR_HTTP_BIND_ADDRESS=\S+)$/m.exec(text(DROP_IN))?.[1] ?? '')
      : 'KAPACITOR_HTTP_BIND_ADDRESS=:9092';
    const script = fileURLToPath(new URL('kapacitor.js', import.meta.url));
    services.set('kapacitor', start(beside(['env', place, process.execPath, script])));
    const [, port] = place.split(':');
    await until(() => answers(`http://localhost:${port}/`), 'Kapacitor');
  }

  /** As its unit says, as far as that goes without systemd. */
  async function startGateway() {
    const unit = UNIT_PLACES.map((place) => `${place}/kapgate.service`).find((path) =>
      existsSync(join(tree, path)),
    );
    assert(unit !== undefined, 'no kapgate.service');
    const setting = (/** @type {string} */ name) =>
      new RegExp(`^${name}=(.*)$`, 'm').exec(text(unit))?.[1] ?? '';
    const command = [
      ...['setpriv', `--reuid=${setting('User')}`, `--regid=${setting('Group')}`, '--init-groups'],
      ...[
        '--no-new-privs',
        '--bounding-set=-all',
        'env',
        '--chdir=/',
        ...setting('ExecStart').split(' '),
      ],
    ];
    const service = start(inside(false, command));
    services.set('kapgate', service);
    await until(
      () => service.log().includes('msg=listening') && answers('http://localhost:9193/healthz'),
      () => `the gateway: ${service.log()}`,
    );
  }

  /** @param {string} name */
  async function stop(name) {
    await services.get(name)?.end();
    services.delete(name);
  }

  /** @param {string} url */
  async function answers(url) {
    return (await run(beside(['curl', '-sS', '-o', '/dev/null', url]), { code: 'any' })).code === 0;
  }

  /** @param {string} path */
  const text = (path) => readFileSync(join(tree, path), 'utf8');

  /** @type {Record<string, () => Promise<void>>} */
  const orders = {
    'daemon-reload': async () => undefined,
    'restart kapacitor': () => stop('kapacitor').then(startKapacitor),
    'enable --now kapgate': startGateway,
    'restart kapgate': () => stop('kapgate').then(startGateway),
    'disable --now kapgate': () => stop('kapgate'),
  };

  /** @param {string} line @returns {Promise<Result>} */
  async function play(line) {
    played.add(line);
    const plain = line.replace(/\s+#.*$/, '').replace(/^sudo /, '');
    const [program = '', ...words] = plain.split(/\s+/);
    for (const file of words.filter((word) =>
      /^(?:\.\/)?kapgate[-_]\d.*\.(?:deb|gz|tgz)$/.test(word),
    )) {
      const from = join(packages, basename(file));
      assert(existsSync(from), `${file} of the page is not what was built`);
      copyFileSync(from, join(tree, 'root', basename(file)));
    }
    switch (program) {
      case 'systemctl': {
        const order = orders[words.join(' ')];
        assert(order !== undefined, `nobody knows what this does: ${line}`);
        await order();
        return { code: 0, stdout: '', stderr: '' };
      }
      case 'apt-get':
        return run(inside(true, [program, '-y', '-qq', '--no-install-recommends', ...words]));
      case 'npm':
        // Debian's npm is four hundred packages; this machine's installs into the tree.
        return run([
          program,
          ...words.filter((word) => !word.startsWith('.')),
          '--ignore-scripts',
          `--prefix=${join(tree, 'usr/local')}`,
          ...words.filter((word) => word.startsWith('.')).map((word) => join(tree, 'root', word)),
        ]);
      case 'systemd-sysusers':
      case 'systemd-tmpfiles':
        return run([program, `--root=${tree}`, ...words], { code: 'any' });
      case 'curl':
        return run(
          beside([
            'curl',
            '-sS',
            ...words.map((word) => (word === 'root' ? `root:${password}` : word)),
          ]),
        );
      case 'kapgate':
        return plain.includes(' users add ')
          ? act([program, ...words, '--password-stdin'], { input: `${password}\n` })
          : act([program, ...words]);
      default: {
        const here = plain.replace('$(npm root --global)', '/usr/local/lib/node_modules');
        return act(['sh', '-c', here]);
      }
    }
  }

  return {
    tree,
    act,
    play,
    text,
    startKapacitor,
    startGateway,
    stop,
    /** The status of an answer. @param {string} path @param {readonly string[]} [more] */
    status: async (path, more = []) => {
      const words = ['-sS', '-o', '/dev/null', '-w', '%{http_code}', ...more];
      const url = `http://localhost:9092${path}`;
      return Number((await run(beside(['curl', ...words, url]))).stdout);
    },
    played: () => played,
    systemctlCalls: () => {
      const path = join(tree, 'run/systemctl.log');
      const calls = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
      writeFileSync(path, '');
      return calls.filter((call) => call !== '');
    },
    close: async () => {
      for (const name of [...services.keys()]) await stop(name);
      await holder.end();
    },
  };
}

/** @typedef {Awaited<ReturnType<typeof openMachine>>} Machine */

/** @param {() => boolean | Promise<boolean>} test @param {string | (() => string)} what */
async function until(test, what) {
  const deadline = Date.now() + ANSWER_MS;
  while (!(await test())) {
    if (Date.now() > deadline) {
      throw new Error(`waited in vain for ${typeof what === 'string' ? what : what()}`);
    }
    await sleep(50);
  }
}
