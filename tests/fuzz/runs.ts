import fc from 'fast-check';

/** `npm run fuzz` sets both: how long each property is tried, and from which seed on. */
const SECONDS = Number(process.env['FUZZ_SECONDS'] ?? 0);
const SEED = process.env['FUZZ_SEED'];

const PROGRESS_MS = 15_000;
const ENDLESS = 1_000_000_000;

/** For the time limit of a test: Go has to be compiled, and a counterexample to be shrunk. */
export const LIMIT_MS = 240_000 + SECONDS * 3_000;

/**
 * Tries a property: so many times in the suite, as long as is asked in `npm run fuzz`, which also says how far it is.
 * A failure names the seed, and the smallest case that was found.
 */
export async function fuzz<T>(
  name: string,
  count: number,
  cases: fc.Arbitrary<T>,
  check: (value: T) => void | Promise<void>,
): Promise<void> {
  let done = 0;
  let saidMs = Date.now();
  const tell = (what: string): void => {
    if (SECONDS > 0) process.stderr.write(`fuzz ${name}: ${what}\n`);
    saidMs = Date.now();
  };
  const property = fc.asyncProperty(cases, async (value) => {
    await check(value);
    done += 1;
    if (Date.now() - saidMs >= PROGRESS_MS) tell(`${done} cases`);
  });
  await fc.assert(property, {
    ...(SEED === undefined ? {} : { seed: Number(SEED) }),
    ...(SECONDS === 0
      ? { numRuns: count }
      : {
          numRuns: ENDLESS,
          interruptAfterTimeLimit: SECONDS * 1_000,
          markInterruptAsFailure: false,
        }),
  });
  tell(`${done} cases, none failed`);
}
