// @ts-check
// npm run build: src/ and the packages that it is built with, as the few files of dist/ that Node opens at a start
// (docs/decisions/0032). The packages that `dependencies` names stay beside: they bring native modules.
import { chmodSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

// The directory of a package within a path.
const PACKAGE = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/;
const NOTICES = 'third-party.txt';
const SEPARATOR = `\n${'-'.repeat(80)}\n\n`;

const root = fileURLToPath(new URL('..', import.meta.url));
const out = join(root, 'dist');
const { dependencies } = readPackage(root);

const { output } = await build({
  cwd: root,
  input: { main: 'src/main.ts', 'hashing-thread': 'src/authenticate/hashing-thread.js' },
  platform: 'node',
  external: Object.keys(dependencies),
  tsconfig: false,
  output: {
    dir: out,
    // What is imported when it is needed stays a file that is opened when it is needed.
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    sourcemap: true,
    comments: { legal: false },
  },
});
chmodSync(join(out, 'main.js'), 0o755);
const inputs = output
  .flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []))
  .map((file) => relative(root, file));
writeFileSync(join(out, NOTICES), notices(inputs));

// The names of the files change with what is in them.
const made = [NOTICES, ...output.map(({ fileName }) => fileName)];
for (const file of readdirSync(out)) {
  if (!made.includes(file)) rmSync(join(out, file), { recursive: true });
}

/** The terms of each package that is a part of these files. @param {readonly string[]} files */
function notices(files) {
  const directories = files.flatMap((file) => PACKAGE.exec(file)?.[0] ?? []);
  const texts = [...new Set(directories)].sort().map((directory) => {
    const { name, version, license } = readPackage(join(root, directory));
    return `${name} ${version}: ${license}\n\n${termsIn(join(root, directory)).trim()}\n`;
  });
  return `Of these packages parts are in the files beside this one.\n\n${texts.join(SEPARATOR)}`;
}

/** @param {string} directory */
function termsIn(directory) {
  const file = readdirSync(directory).find((name) => /^licen[cs]e/i.test(name));
  if (file !== undefined) return readFileSync(join(directory, file), 'utf8');
  const { name, author } = readPackage(directory);
  throw new Error(`${name} (${JSON.stringify(author)}) brings no text of its license`);
}

/** @param {string} directory */
function readPackage(directory) {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
}
