// @ts-check
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  completionEntries,
  documentEntries,
  gzipped,
  manualEntries,
  programEntries,
  systemdEntries,
} from './contents.js';
import { changelogOf, controlOf, copyrightOf } from './debian-files.js';
import { contentOf, md5sums, writeTree } from './tree.js';
/** @typedef {import('./build.js').Build} Build */
/** @typedef {import('./tree.js').Entry} Entry */

const UNITS = 'usr/lib/systemd/system';
const DOCUMENTS = 'usr/share/doc/kapgate';
/** What of systemd/ lies where it is taken up by itself; the rest is to be copied by hand. */
const PLACES = {
  'kapgate.service': `${UNITS}/kapgate.service`,
  'kapgate.socket': `${UNITS}/kapgate.socket`,
  'kapgate-firewall.service': `${UNITS}/kapgate-firewall.service`,
  'sysusers.conf': 'usr/lib/sysusers.d/kapgate.conf',
  'tmpfiles.conf': 'usr/lib/tmpfiles.d/kapgate.conf',
  'kapgate.nft': 'etc/kapgate/kapgate.nft',
  'kapgate.logrotate': 'etc/logrotate.d/kapgate',
};
const SCRIPTS = ['postinst', 'prerm', 'postrm'];

/** A package for Debian and Ubuntu on amd64. @param {Build} build @returns {string} the file */
export function buildDeb(build) {
  const { version, epochSeconds, scratch, output } = build;
  const debianVersion = version.replace('-', '~');
  const entries = entriesOf(build, debianVersion).sort((a, b) => (a.to < b.to ? -1 : 1));
  const directory = join(scratch, 'deb');
  const conffiles = entries.filter(({ to }) => to.startsWith('etc/'));
  const control = [
    { to: 'control', text: controlOf(debianVersion, sizeOf(entries)) },
    { to: 'conffiles', text: conffiles.map(({ to }) => `/${to}\n`).join('') },
    { to: 'md5sums', text: md5sums(entries.filter((entry) => !conffiles.includes(entry))) },
    ...SCRIPTS.map((name) => ({ to: name, from: template(name), mode: 0o755 })),
  ];
  writeTree(
    directory,
    [...entries, ...control.map((entry) => ({ ...entry, to: `DEBIAN/${entry.to}` }))],
    epochSeconds,
  );
  const file = join(output, `kapgate_${debianVersion}_amd64.deb`);
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', directory, file], {
    stdio: ['ignore', 'ignore', 'inherit'],
    // One thread: with several, another number of them makes another file.
    env: { ...process.env, SOURCE_DATE_EPOCH: String(epochSeconds), DPKG_DEB_THREADS_MAX: '1' },
  });
  return file;
}

/** @param {Build} build @param {string} debianVersion @returns {Entry[]} */
function entriesOf(build, debianVersion) {
  const { root, modules, epochSeconds } = build;
  return [
    ...programEntries(build, 'usr/lib/kapgate').map(withDebianNode),
    { to: 'usr/bin/kapgate', link: '../lib/kapgate/dist/main.js' },
    ...systemdEntries(root, '').map(inPlace).map(withDebianProgram),
    { to: 'etc/kapgate/gateway.toml', from: template('gateway.toml'), mode: 0o640 },
    ...documentEntries(root, DOCUMENTS),
    { to: `${DOCUMENTS}/copyright`, text: copyrightOf(root, modules) },
    {
      to: `${DOCUMENTS}/changelog.gz`,
      text: gzipped(changelogOf(root, debianVersion, epochSeconds)),
    },
    ...manualEntries(root, 'usr/share/man'),
    ...completionEntries(root, {
      bash: 'usr/share/bash-completion/completions',
      zsh: 'usr/share/zsh/vendor-completions',
    }),
  ];
}

/** @param {string} name */
function template(name) {
  return fileURLToPath(new URL(`debian/${name}`, import.meta.url));
}

/** @param {Entry} entry @returns {Entry} */
function inPlace(entry) {
  const place = Object.entries(PLACES).find(([file]) => file === entry.to)?.[1];
  return { ...entry, to: place ?? `usr/share/kapgate/systemd/${entry.to}` };
}

/** The Node that the package depends on, not one that is before it on a PATH. @param {Entry} entry */
function withDebianNode(entry) {
  return entry.to.endsWith('/dist/main.js')
    ? replaced(entry, '#!/usr/bin/env node\n', '#!/usr/bin/node\n')
    : entry;
}

/** @param {Entry} entry */
function withDebianProgram(entry) {
  return entry.to === PLACES['kapgate.service']
    ? replaced(
        replaced(entry, 'ExecStart=/usr/bin/env kapgate ', 'ExecStart=/usr/bin/kapgate '),
        '# Found in /usr/local/bin or /usr/bin, wherever npm puts programs.\n',
        '',
      )
    : entry;
}

/** @param {Entry} entry @param {string} from @param {string} to @returns {Entry} */
function replaced({ from: file, ...entry }, from, to) {
  const text = String(contentOf({ ...entry, ...(file === undefined ? {} : { from: file }) }));
  if (!text.includes(from)) throw new Error(`${entry.to} has no ${JSON.stringify(from)}`);
  return { ...entry, text: text.replace(from, to) };
}

/** In KiB, as dpkg has it: each file in whole ones. @param {readonly Entry[]} entries */
function sizeOf(entries) {
  return entries.reduce((sum, entry) => sum + Math.ceil(contentOf(entry).length / 1024), 0);
}
