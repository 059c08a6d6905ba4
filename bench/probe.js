// @ts-check
// Preloaded into a gateway (node --import): at SIGUSR2 it writes what the event loop and the heap went through to a file.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 5;
const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
loop.enable();

/** How long the event loop's thread has worked: it is also late where others have the processors, or the host has. */
const SCHEDSTAT = `/proc/self/task/${process.pid}/schedstat`;
const canTellWork = existsSync(SCHEDSTAT);
const workedMs = () =>
  canTellWork ? Number(readFileSync(SCHEDSTAT, 'latin1').split(' ')[0]) / 1e6 : 0;
let last = { at: performance.now(), worked: workedMs() };
let longestWorkMs = 0;
setInterval(() => {
  const now = { at: performance.now(), worked: workedMs() };
  const late = Math.max(0, now.at - last.at - RESOLUTION_MS);
  longestWorkMs = Math.max(longestWorkMs, Math.min(late, now.worked - last.worked));
  last = now;
}, RESOLUTION_MS).unref();

process.on('SIGUSR2', () => {
  /** @type {{ gc?: () => void }} */ (globalThis).gc?.();
  const file = process.env['BENCH_PROBE'] ?? '';
  const ms = (/** @type {number} */ ns) => Math.max(0, ns / 1e6 - RESOLUTION_MS);
  const said = {
    loopP99Ms: ms(loop.percentile(99)),
    loopMaxMs: ms(loop.max),
    loopWorkMaxMs: longestWorkMs,
    ...process.memoryUsage(),
  };
  writeFileSync(`${file}.new`, JSON.stringify(said));
  renameSync(`${file}.new`, file);
  // What writing took is not the gateway's.
  setTimeout(() => {
    loop.reset();
    longestWorkMs = 0;
  }, 20);
});
