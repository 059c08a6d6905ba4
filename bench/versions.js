// @ts-check
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';

/** @param {string} name */
const packageVersion = (name) =>
  String(JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')).version);

/** A line for each thing that the figures depend on. @param {import('./peers.js').Peer[]} peers */
export function versions(peers) {
  const programs = new Set(peers.flatMap(({ program }) => program ?? []));
  const memory = Math.round(totalmem() / 2 ** 30);
  return [
    `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, ${memory} GiB, Linux ${release()}`,
    `Kapgate ${kapgateVersion()}, Node ${process.version}, undici ${packageVersion('undici')}, ` +
      `http-proxy ${packageVersion('http-proxy')}`,
    ...[...programs].map((program) => `${program} ${versionOf(program)}`),
  ];
}

function kapgateVersion() {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  const { stdout, status } = spawnSync('git', ['rev-parse', '--short', 'HEAD'], {
    encoding: 'utf8',
  });
  return status === 0 ? `${version} (${stdout.trim()})` : String(version);
}

/** @type {Record<string, string>} */
const ASKED_BY = { caddy: 'version', vmauth: '-version' };

/** As it says itself, else as Debian says. @param {string} program */
function versionOf(program) {
  const options = { encoding: /** @type {const} */ ('utf8'), timeout: 5_000 };
  const { stdout, stderr } = spawnSync(program, [ASKED_BY[program] ?? '-v'], options);
  const said = /\d+\.\d+\.\d+\S*/.exec(`${stdout}\n${stderr}`)?.[0];
  return said ?? debianVersion(program) ?? 'of unknown version';
}

/** @param {string} program */
function debianVersion(program) {
  try {
    const path = execFileSync('which', [program], { encoding: 'utf8' }).trim();
    const owner = execFileSync('dpkg', ['-S', path], { encoding: 'utf8' }).split(':')[0] ?? '';
    return execFileSync('dpkg-query', ['-W', '-f', '${Version}', owner], { encoding: 'utf8' });
  } catch {
    return undefined;
  }
}
