import type { Target } from './target.ts';

/** The prefix of Kapacitor's API. */
export const BASE = '/kapacitor/v1';
/** The prefix under which Kapacitor serves the API a second time. */
export const PREVIEW = '/kapacitor/v1preview/';

const WRITES: ReadonlySet<string> = new Set(['/write', `${BASE}/write`, `${PREVIEW}write`]);
const PINGS: ReadonlySet<string> = new Set([`${BASE}/ping`, `${PREVIEW}ping`]);
const LOGS = `${PREVIEW}logs`;
const USERS: ReadonlySet<string> = new Set([`${BASE}/users`, `${PREVIEW}users`]);
// Made once: each request is compared with them, more than once.
const BELOW_USERS = `${BASE}/users/`;
const BELOW_PREVIEW_USERS = `${PREVIEW}users/`;

/** A request that Kapacitor takes points from, in each of its spellings. */
export function isWrite({ method, path }: Target): boolean {
  return method === 'POST' && WRITES.has(path);
}

/** The endless log stream: a route of its own that exists only under the preview prefix. */
export function isLogStream({ method, path }: Target): boolean {
  return method === 'GET' && path === LOGS;
}

export function isPing({ method, path }: Target): boolean {
  return (method === 'GET' || method === 'HEAD') && PINGS.has(path);
}

/** The users API: the gateway answers it, and never forwards it. */
export function isUsersApi({ path }: Target): boolean {
  return USERS.has(path) || path.startsWith(BELOW_USERS) || path.startsWith(BELOW_PREVIEW_USERS);
}
