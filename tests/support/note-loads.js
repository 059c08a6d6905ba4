// Preloaded into a process (NODE_OPTIONS=--import=…): notes each ES module that it loads, a line each, in the file that
// NOTED_LOADS names. What is hooked in is this file once more, in a thread of its own.
import { appendFileSync } from 'node:fs';
import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) register(import.meta.url);

/** @param {string} url @param {object} context @param {(url: string, context: object) => unknown} next */
export function load(url, context, next) {
  appendFileSync(process.env['NOTED_LOADS'] ?? '', `${url}\n`);
  return next(url, context);
}
