// @ts-check
// npm run package: a .deb and a .tar.gz of the built tree, in packages/. The same commit makes the same bytes.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readPackage } from './contents.js';
import { buildDeb } from './deb.js';
import { runtimeModules } from './modules.js';
import { buildTarball } from './tarball.js';

/**
 * @typedef {object} Build
 * @property {string} root the top of the tree
 * @property {string} version
 * @property {readonly import('./modules.js').Module[]} modules
 * @property {number} epochSeconds the age of every file
 * @property {string} scratch an empty directory
 * @property {string} output
 */

const KINDS = { deb: buildDeb, tar: buildTarball };

const { values } = parseArgs({
  options: {
    output: { type: 'string', default: 'packages' },
    // For tests of an upgrade.
    version: { type: 'string' },
    only: { type: 'string' },
  },
});

const root = realpathSync(fileURLToPath(new URL('..', import.meta.url)));
const scratch = mkdtempSync(join(tmpdir(), 'kapgate-package-'));
try {
  mkdirSync(values.output, { recursive: true });
  const build = {
    root,
    version: values.version ?? readPackage(root).version,
    modules: runtimeModules(root),
    epochSeconds: epochOf(root),
    scratch,
    output: realpathSync(values.output),
  };
  for (const [kind, make] of Object.entries(KINDS)) {
    if (values.only !== undefined && values.only !== kind) continue;
    const file = make(build);
    const mebibytes = (statSync(file).size / 1024 / 1024).toFixed(1);
    console.log(`${relative(process.cwd(), file)}  ${mebibytes} MiB`);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** SOURCE_DATE_EPOCH, else the time of the last commit, else that of package.json. @param {string} tree */
function epochOf(tree) {
  const given = process.env['SOURCE_DATE_EPOCH'] ?? '';
  if (/^\d+$/.test(given)) return Number(given);
  try {
    const args = ['log', '-1', '--format=%ct'];
    return Number(
      execFileSync('git', args, {
        cwd: tree,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    );
  } catch {
    return Math.floor(statSync(join(tree, 'package.json')).mtimeMs / 1000);
  }
}
