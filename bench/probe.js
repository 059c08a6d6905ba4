// @ts-check
// Preloaded into a gateway (node --import): at SIGUSR2 it writes what the event loop and the heap went through to a file.
import { renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 5;
const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
loop.enable();

process.on('SIGUSR2', () => {
  /** @type {{ gc?: () => void }} */ (globalThis).gc?.();
  const file = process.env['BENCH_PROBE'] ?? '';
  const ms = (/** @type {number} */ ns) => Math.max(0, ns / 1e6 - RESOLUTION_MS);
  const said = {
    loopP99Ms: ms(loop.percentile(99)),
    loopMaxMs: ms(loop.max),
    ...process.memoryUsage(),
  };
  writeFileSync(`${file}.new`, JSON.stringify(said));
  renameSync(`${file}.new`, file);
  // What writing took is not the gateway's.
  setTimeout(() => loop.reset(), 20);
});
