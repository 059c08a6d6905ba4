import { isDeepStrictEqual } from 'node:util';
import { DEFAULTS } from './defaults.ts';
import { labelOf } from './key.ts';
import type { Key } from './key.ts';
import type { Setting } from './reader.ts';

const { http, limits, store, log, admin, audit } = DEFAULTS;

/** What is opened once, at the start: sockets, the store, the logs. All other keys are taken up by a reload. */
const AT_START: readonly Key<unknown>[] = [
  http.bindAddress,
  http.httpsEnabled,
  http.unixSocket,
  http.shutdownTimeoutMs,
  http.workers,
  limits.maxHeaderBytes,
  limits.headerTimeoutMs,
  limits.idleTimeoutMs,
  limits.maxConnections,
  store.path,
  ...Object.values(log),
  admin.bindAddress,
  audit.file,
];

/** The keys whose new value a reload cannot take up, as operators know them. */
export function needsRestart(
  before: readonly Setting[],
  after: readonly Setting[],
): readonly string[] {
  const valueIn = (settings: readonly Setting[], key: Key<unknown>): unknown =>
    settings.find((each) => each.key === key)?.value;
  return AT_START.filter(
    (key) => !isDeepStrictEqual(valueIn(before, key), valueIn(after, key)),
  ).map(labelOf);
}
