// @ts-check
// npm run fuzz [-- --seconds N --seed S --only target|query|basic|jwt|config|users|meta|socket]: the properties of
// tests/fuzz for longer than in the suite. N is for all of them together, 240 by default. A failure ends with its seed and
// the smallest case that was found; the same seed finds it again.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

const PROPERTIES = ['target', 'query', 'basic', 'jwt', 'config', 'users', 'meta', 'socket'];

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '240' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    only: { type: 'string', multiple: true, default: PROPERTIES },
  },
});
const { seed, only } = values;
const seconds = Math.ceil(Number(values.seconds) / only.length);
const unknown = only.filter((each) => !PROPERTIES.includes(each));
if (unknown.length > 0 || !(seconds > 0) || !/^-?\d+$/.test(seed)) {
  console.error(
    `npm run fuzz -- [--seconds N] [--seed S] [--only NAME]…; names: ${PROPERTIES.join(', ')}`,
  );
  process.exit(64);
}
console.log(`seed ${seed}, ${seconds} s each: ${only.join(', ')}`);
const { status } = spawnSync(
  process.execPath,
  [
    ...['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
    ...['node_modules/jest/bin/jest.js', '--runInBand', 'tests/fuzz'],
    ...['-t', `^fuzz (?:${only.join('|')}) `],
  ],
  {
    stdio: 'inherit',
    env: { ...process.env, FUZZ_SECONDS: String(seconds), FUZZ_SEED: seed },
  },
);
process.exitCode = status ?? 1;
