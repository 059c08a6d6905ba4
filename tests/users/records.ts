import type { UserRecord } from '../../src/users/record.ts';
import { someHash } from './hash.ts';

/** When all of them were made. */
export const TIME = '2026-01-02T03:04:05.678Z';

/** A plain user of the store, with what is to be another than usual. */
export function userRecord(name: string, change: Partial<UserRecord> = {}): UserRecord {
  return {
    name,
    admin: false,
    hash: someHash(),
    permissions: ['api'],
    created: TIME,
    changed: TIME,
    ...change,
  };
}
