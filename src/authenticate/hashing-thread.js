// @ts-check
// One thread that hashes: a worker of hashing-threads.ts. It is JavaScript because a thread loads its file by itself, also
// under the tests, which have nobody compile it.
import { pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { createRequire } from 'node:module';
import { getPriority, platform, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';

// Imported it would be read twice, for the names that it exports: a tenth of the time in which a thread starts.
/** @type {import('bcrypt')} */
const bcrypt = createRequire(import.meta.url)('bcrypt');

/** A tenth of the event loop's share where the two want the same processor; all of it where nobody else does. */
const NICER_BY = 10;
const LOWEST_PRIORITY = 19;

lowerPriority();
parentPort?.on('message', (/** @type {import('./hashing-threads.ts').HashingJob} */ job) => {
  parentPort?.postMessage(outcomeOf(job));
});

/** On Linux a priority is that of a thread; elsewhere it would be that of the whole gateway. */
function lowerPriority() {
  if (platform() !== 'linux') return;
  try {
    setPriority(0, Math.min(LOWEST_PRIORITY, getPriority(0) + NICER_BY));
  } catch {
    // A sandbox may forbid it: then it hashes all the same.
  }
}

/** @param {import('./hashing-threads.ts').HashingJob} job @returns {import('./hashing-threads.ts').Outcome} */
function outcomeOf(job) {
  try {
    return { result: resultOf(job) };
  } catch (error) {
    return { failure: String(error) };
  }
}

/** @param {import('./hashing-threads.ts').HashingJob} job */
function resultOf(job) {
  if (job.kind === 'hash') return bcrypt.hashSync(job.password, job.cost);
  const matched = job.form === undefined ? false : matches(job.password, job.form);
  // In the same turn: a failure that waited for several would tell by its time which hash it was of.
  if (!matched) for (const hash of job.onFailure) bcrypt.compareSync(job.password, hash);
  return matched;
}

/** @param {string} password @param {import('./password-forms.ts').PasswordForm} form */
function matches(password, form) {
  switch (form.kind) {
    case 'bcrypt':
      return bcrypt.compareSync(password, form.hash);
    case 'pbkdf2': {
      const { salt, rounds, key, digest } = form;
      return timingSafeEqual(pbkdf2Sync(password, salt, rounds, key.length, digest), key);
    }
  }
}
