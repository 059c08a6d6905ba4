// @ts-check
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
/** @typedef {import('./modules.js').Module} Module */

const MAINTAINER = 'The Kapgate authors <kapgate@localhost>';

/**
 * The control file. Debian's nodejs is new enough from 13 on (trixie), NodeSource's for older ones. The versions of
 * libc6 and libstdc++6 are what the native modules ask for; a test reads it from them.
 * @param {string} version @param {number} sizeKiB
 */
export function controlOf(version, sizeKiB) {
  return `Package: kapgate
Version: ${version}
Architecture: amd64
Maintainer: ${MAINTAINER}
Installed-Size: ${sizeKiB}
Depends: nodejs (>= 20.19), libc6 (>= 2.34), libstdc++6 (>= 11), adduser
Suggests: fail2ban, logrotate, nftables
Section: net
Priority: optional
Description: authentication gateway before Kapacitor
 Kapacitor 1.0 to 1.5 checks nobody: who reaches its port can run programs, read
 its secrets and drop its tasks. Kapgate stands before it, on its port, and lets
 through what a user was granted. The kapacitor command, Chronograf, Telegraf,
 InfluxDB and curl go on working, with a user and a password.
 .
 It is installed closed and not started: users are made first.
`;
}

/** Of the program, and of each package that comes with it. @param {string} root @param {readonly Module[]} modules */
export function copyrightOf(root, modules) {
  const license = readFileSync(join(root, 'LICENSE'), 'utf8');
  const holder = /^Copyright .*$/m.exec(license)?.[0] ?? '';
  const terms = license.slice(license.indexOf(holder) + holder.length).trim();
  const indented = terms
    .split('\n')
    .map((line) => (line === '' ? ' .' : ` ${line}`))
    .join('\n');
  const bundled = modules.map(
    ({ name, version, license: short, path }) =>
      ` ${name} ${version}: ${short}, /usr/lib/kapgate/node_modules/${path}`,
  );
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: kapgate
Comment:
 These packages come with it below /usr/lib/kapgate/node_modules, each with the
 text of its own license:
${bundled.join('\n')}
 Of others parts are in the files of /usr/lib/kapgate/dist: third-party.txt there
 names them, with the texts of their licenses.

Files: *
Copyright: ${holder.replace(/^Copyright (?:\(c\) )?/, '')}
License: Expat

License: Expat
${indented}
`;
}

/** The changes of this version, in Debian's form. @param {string} root @param {string} version @param {number} epochSeconds */
export function changelogOf(root, version, epochSeconds) {
  const [, newest = ''] = readFileSync(join(root, 'CHANGELOG.md'), 'utf8').split(/^## .*$/m);
  const items = newest.split(/^- /m).slice(1);
  const lines = items.map((item) => `  * ${wrapped(item.trim().split(/\s+/)).join('\n    ')}\n`);
  const date = new Date(epochSeconds * 1000).toUTCString().replace('GMT', '+0000');
  return `kapgate (${version}) unstable; urgency=medium\n\n${lines.join('')}\n -- ${MAINTAINER}  ${date}\n`;
}

const CHANGELOG_WIDTH = 74;

/** @param {readonly string[]} words @returns {string[]} lines */
function wrapped(words) {
  /** @type {string[]} */
  const lines = [];
  for (const word of words) {
    const line = `${lines.at(-1) ?? ''} ${word}`.trimStart();
    if (lines.length > 0 && line.length <= CHANGELOG_WIDTH) lines[lines.length - 1] = line;
    else lines.push(word);
  }
  return lines;
}
