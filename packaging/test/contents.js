// @ts-check
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow } from '../tree.js';
import { run } from './steps.js';

/** What may be in the Debian package, and nothing else. */
const ALLOWED = [
  /^\.\/etc\/kapgate\/(?:gateway\.toml|kapgate\.nft)$/,
  /^\.\/etc\/logrotate\.d\/kapgate$/,
  /^\.\/usr\/bin\/kapgate$/,
  /^\.\/usr\/lib\/kapgate\/(?:LICENSE|package\.json)$/,
  /^\.\/usr\/lib\/kapgate\/dist\/(?:[\w-]+\.js(?:\.map)?|third-party\.txt)$/,
  /^\.\/usr\/lib\/kapgate\/node_modules\/(?!.*\/(?:tests?|docs|examples?)\/)[\w@./-]+\.(?:[cm]?js|json)$/,
  /^\.\/usr\/lib\/kapgate\/node_modules\/.*\/(?:licen[cs]e|copying|notice)(?:[.-][\w.-]*)?$/i,
  /^\.\/usr\/lib\/kapgate\/node_modules\/.*linux-x64\/[\w.]+\.glibc\.node$/,
  /^\.\/usr\/lib\/(?:systemd\/system\/kapgate(?:-firewall)?\.(?:service|socket)|(?:sysusers|tmpfiles)\.d\/kapgate\.conf)$/,
  /^\.\/usr\/share\/kapgate\/systemd\/[\w./-]+$/,
  /^\.\/usr\/share\/doc\/kapgate\/(?:[A-Z]+\.md|gateway\.toml|copyright|changelog\.gz)$/,
  /^\.\/usr\/share\/doc\/kapgate\/docs\/(?:decisions\/)?[\w-]+\.(?:md|yml|json|tick)$/,
  /^\.\/usr\/share\/man\/man\d\/[\w.-]+\.\d\.gz$/,
  /^\.\/usr\/share\/bash-completion\/completions\/kapgate$/,
  /^\.\/usr\/share\/zsh\/vendor-completions\/_kapgate$/,
];

/** Files of the Debian package: names, owners, modes. @param {string} deb */
export async function checkListing(deb) {
  const { stdout } = await run(['dpkg-deb', '--contents', deb]);
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [mode = '', owner = '', , , , path = ''] = line.split(/\s+/);
      return { mode, owner, path };
    });
  const files = rows.filter(({ mode }) => !mode.startsWith('d'));
  const odd = files.filter(({ path }) => !ALLOWED.some((each) => each.test(path)));
  assert.deepEqual(
    odd.map(({ path }) => path),
    [],
  );
  assert.deepEqual(
    rows.filter(({ owner }) => owner !== 'root/root'),
    [],
  );
  const modes = new Set(rows.map(({ mode }) => mode));
  assert.deepEqual(
    modes,
    new Set(['drwxr-xr-x', '-rw-r--r--', '-rw-r-----', '-rwxr-xr-x', 'lrwxrwxrwx']),
  );
  const notPublic = files.filter(({ mode }) => mode === '-rw-r-----');
  assert.deepEqual(
    notPublic.map(({ path }) => path),
    ['./etc/kapgate/gateway.toml'],
  );
  for (const name of ['copyright', 'changelog.gz', 'docs/install.md']) {
    assert(
      files.some(({ path }) => path === `./usr/share/doc/kapgate/${name}`),
      `no ${name}`,
    );
  }
}

/** What the native modules ask of the system is what the package asks for. @param {string} program @param {string} deb */
export async function checkLibraries(program, deb) {
  const { stdout: depends } = await run(['dpkg-deb', '--field', deb, 'Depends']);
  const natives = filesBelow(program).filter((file) => file.endsWith('.node'));
  assert.equal(natives.filter((file) => file.includes('bcrypt')).length, 1);
  const texts = natives.map((file) => readFileSync(join(program, file), 'latin1')).join('\n');
  const newest = (/** @type {RegExp} */ pattern) =>
    Math.max(...[...texts.matchAll(pattern)].map(([, minor]) => Number(minor)));
  assert.equal(/libc6 \(>= 2\.(\d+)\)/.exec(depends)?.[1], String(newest(/GLIBC_2\.(\d+)/g)));
  // GLIBCXX_3.4.29 came with GCC 11.
  assert.match(depends, /libstdc\+\+6 \(>= 11\)/);
  assert(newest(/GLIBCXX_3\.4\.(\d+)/g) <= 29);
}
