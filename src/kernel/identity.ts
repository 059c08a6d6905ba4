import type { Grants } from './grants.ts';

/** How somebody proved who they are. */
export type AuthenticationMethod = 'basic' | 'query' | 'bearer' | 'subscription' | 'certificate';

/** Somebody who has proved who they are. Only `authenticate` makes one; `forward` demands one by its type. */
export interface Identity {
  readonly name: string;
  readonly admin: boolean;
  readonly grants: Grants;
  /** `observed`: a rehearsal lets pass what nobody proved, or what was not allowed. */
  readonly method: AuthenticationMethod | 'bootstrap' | 'anonymous' | 'observed';
}
