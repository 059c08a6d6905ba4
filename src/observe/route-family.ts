import { BASE, PREVIEW, isUsersApi, isWrite } from '../kernel/routes.ts';
import type { Target } from '../kernel/target.ts';

/** What a path is about, in words that no client chooses. `other`: everything else, `unread`: no path could be read. */
export const FAMILIES = [
  'write',
  'ping',
  'tasks',
  'templates',
  'alerts',
  'recordings',
  'replays',
  'config',
  'service-tests',
  'storage',
  'sideload',
  'logs',
  'loglevel',
  'users',
  'debug',
  'other',
  'unread',
] as const;

export type RouteFamily = (typeof FAMILIES)[number];

/** By the first segment behind `/kapacitor/v1/`. */
const BY_SEGMENT: ReadonlyMap<string, RouteFamily> = new Map<string, RouteFamily>([
  ['ping', 'ping'],
  ['tasks', 'tasks'],
  ['templates', 'templates'],
  ['alerts', 'alerts'],
  ['recordings', 'recordings'],
  ['replays', 'replays'],
  ['config', 'config'],
  ['service-tests', 'service-tests'],
  ['storage', 'storage'],
  ['sideload', 'sideload'],
  ['logs', 'logs'],
  ['loglevel', 'loglevel'],
  ['debug', 'debug'],
]);

/** The family of a target. A closed list, whatever clients send. */
export function familyOf(target: Target | undefined): RouteFamily {
  if (target === undefined) return 'unread';
  if (isWrite(target)) return 'write';
  if (isUsersApi(target)) return 'users';
  const { path } = target;
  const start = path.startsWith(PREVIEW) ? PREVIEW.length : BASE.length + 1;
  if (!path.startsWith(BASE)) return 'other';
  const end = path.indexOf('/', start);
  return BY_SEGMENT.get(path.slice(start, end < 0 ? undefined : end)) ?? 'other';
}
