import type { Identity } from '../kernel/identity.ts';
import type { Target } from '../kernel/target.ts';
import { judge } from './authorize.ts';
import { needOf, requirementsOf } from './requirements.ts';

/** Why a request was allowed or denied, for the audit log. */
export interface Deciding {
  /** The permissions that decided, "admin", "own-record", …; "" where nothing was needed or nothing was granted. */
  readonly grant: string;
  /** What was needed and not there; "" where nothing was missing. */
  readonly missing: string;
}

/** Judges a request once more, with the rights that it was judged by: the same values, so the same verdicts. Pure. */
export function decidingOf(identity: Identity, target: Target): Deciding {
  if (identity.method === 'anonymous' || identity.method === 'bootstrap') {
    return { grant: identity.method, missing: '' };
  }
  const grants = new Set<string>();
  for (const requirement of requirementsOf(target)) {
    const verdict = judge(identity, requirement);
    const grant = verdict.because === 'grant' ? verdict.grant.permission : verdict.because;
    if (!verdict.allowed) {
      return { grant: verdict.because === 'grant' ? grant : '', missing: needOf(requirement) };
    }
    grants.add(grant);
  }
  return { grant: [...grants].join(', '), missing: '' };
}
