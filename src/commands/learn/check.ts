import type { Rights } from '../../authenticate/directory.ts';
import { authorize } from '../../authorize/authorize.ts';
import { partOf } from '../../authorize/smallest.ts';
import { requirementsOf } from '../../authorize/requirements.ts';
import { isPing } from '../../kernel/routes.ts';
import type { Entry } from './entry.ts';

/** What the users of today would refuse of what came. */
export interface Refusal {
  readonly status: 401 | 403;
  readonly address: string;
  readonly name: string;
  readonly userAgent: string;
  /** Method and part of the API. */
  readonly what: string;
  readonly why: string;
  count: number;
}

export interface Check {
  add(entry: Entry): void;
  readonly refusals: readonly Refusal[];
  /** Requests beyond the bound, which are only counted. */
  readonly uncounted: number;
}

interface CheckOptions {
  /** Undefined: no such user. */
  readonly rightsOf: (name: string) => Rights | undefined;
  readonly pingAuthEnabled: boolean;
}

const MAX_REFUSALS = 10_000;

/** Judges what came by the users of today, through the server's own code. It cannot look at passwords. */
export function createCheck(options: CheckOptions): Check {
  const refusals = new Map<string, Refusal>();
  let uncounted = 0;
  return {
    add: (entry) => {
      const refusal = refusalOf(entry, options);
      if (refusal === undefined) return;
      const key = JSON.stringify(Object.values({ ...refusal, count: 0 }));
      const before = refusals.get(key);
      if (before !== undefined) before.count += entry.count;
      else if (refusals.size < MAX_REFUSALS) refusals.set(key, refusal);
      else uncounted += entry.count;
    },
    get refusals() {
      return [...refusals.values()].sort((a, b) => b.count - a.count);
    },
    get uncounted() {
      return uncounted;
    },
  };
}

/** Undefined where it would pass; what was refused then anyway is nobody's loss. */
function refusalOf(entry: Entry, options: CheckOptions): Refusal | undefined {
  const { target, name, auth, outcome } = entry;
  if (auth === 'subscription' && outcome === 'allowed') return undefined;
  if (outcome === 'refused' || auth === 'bootstrap') return undefined;
  if (name === '' && isPing(target) && !options.pingAuthEnabled) return undefined;
  const rights = name === '' ? undefined : options.rightsOf(name);
  if (rights === undefined) {
    return refusal(entry, 401, name === '' ? 'no credentials' : `there is no user ${name}`);
  }
  const method = auth === 'basic' ? 'basic' : 'query';
  const decision = authorize({ name, ...rights, method }, requirementsOf(target));
  return decision.allowed ? undefined : refusal(entry, 403, whyOf(decision.message, entry));
}

/** The words of the refusal end with a path, which is another one each time. */
function whyOf(message: string, { target }: Entry): string {
  return message.replace(/ for API endpoint ".*$/, ` for ${partOfTarget(target)}`);
}

function refusal(entry: Entry, status: 401 | 403, why: string): Refusal {
  const { target, address, name, userAgent, count } = entry;
  const what = `${target.method} ${partOfTarget(target)}`;
  return { status, address, name, userAgent, what, why, count };
}

function partOfTarget(target: Entry['target']): string {
  const [first] = requirementsOf({ ...target, method: 'GET' });
  return first === undefined || first.kind === 'database' ? '/api' : partOf(first.resource);
}
