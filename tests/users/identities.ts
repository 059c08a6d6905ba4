import type { Identity } from '../../src/kernel/identity.ts';

/** Who has proved to be this user, and may do nothing by it. */
export function somebody(name: string, method: Identity['method'] = 'basic'): Identity {
  return { name, admin: false, grants: { api: new Map(), databases: new Map() }, method };
}

export const ROOT: Identity = { ...somebody('root'), admin: true };
