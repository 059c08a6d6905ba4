import { spawnSync } from 'node:child_process';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Compiles src/ into a directory, for processes of their own; what `dist` holds may be older. */
export async function buildSrc(into: string): Promise<string> {
  const out = join(into, 'built');
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const options = ['-p', join(ROOT, 'tsconfig.json'), '--noCheck', '--outDir', out];
  const { status, stdout } = spawnSync(process.execPath, [tsc, ...options], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cannot compile src: ${stdout}`);
  await writeFile(join(into, 'package.json'), '{"type":"module"}');
  await symlink(join(ROOT, 'node_modules'), join(into, 'node_modules'));
  return out;
}
