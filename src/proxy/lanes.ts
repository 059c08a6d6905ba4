import { isLogStream, isWrite } from '../kernel/routes.ts';
import type { Target } from '../kernel/target.ts';

/** Requests of one lane share connections; no lane can take those of another: four log readers never stop a write. */
export type Lane = 'writes' | 'api' | 'streams';

/** The lane of a request. */
export function laneOf(target: Target): Lane {
  if (isWrite(target)) return 'writes';
  return isLogStream(target) ? 'streams' : 'api';
}
