// @ts-check
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import {
  completionEntries,
  documentEntries,
  manualEntries,
  programEntries,
  systemdEntries,
} from './contents.js';
import { writeTree } from './tree.js';
/** @typedef {import('./build.js').Build} Build */

/** One directory with everything in it but Node. @param {Build} build @returns {string} the file */
export function buildTarball(build) {
  const { root, version, epochSeconds, scratch, output } = build;
  const name = `kapgate-${version}-linux-x64`;
  const entries = [
    ...programEntries(build, ''),
    ...documentEntries(root, ''),
    ...systemdEntries(root, 'systemd'),
    ...manualEntries(root, 'man'),
    ...completionEntries(root, { bash: 'completions/bash', zsh: 'completions/zsh' }),
    { to: 'bin/kapgate', link: '../dist/main.js' },
  ];
  writeTree(join(scratch, 'tar', name), entries, epochSeconds);
  const file = join(output, `${name}.tar.gz`);
  execFileSync(
    'tar',
    [
      ...['--create', `--file=${file}`, '--use-compress-program=gzip -9n', '--format=gnu'],
      ...['--sort=name', '--owner=root:0', '--group=root:0', `--mtime=@${epochSeconds}`],
      ...[`--directory=${join(scratch, 'tar')}`, name],
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  return file;
}
