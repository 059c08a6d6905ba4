import { grantsOf } from '../authorize/permissions.ts';
import { judgeUsers, putUsers } from './batch.ts';
import type { Batch, BatchRefusal } from './batch.ts';
import { changedRecord, newRecord } from './change.ts';
import type { NewUser, UserChange } from './change.ts';
import type { Database } from './database.ts';
import { GuardedDatabase } from './guarded-database.ts';
import { MAX_NAME_BYTES } from './name.ts';
import { decodeRecord, encodeRecord } from './record.ts';
import type { UserRecord } from './record.ts';
import type { Snapshot, StoredAccount, UserStore, UserStoreOptions } from './store.ts';
import { LmdbSubscriptionStore } from './lmdb-subscriptions.ts';
import { createSubscriptionUses } from './subscription-uses.ts';
import type { SubscriptionUses } from './subscription-uses.ts';
import { decodeSummary, encodeSummary, highestCostOf, summaryAfter } from './summary.ts';
import type { Summary } from './summary.ts';

/** Accounts kept parsed: some hundred bytes each, and only until the next write. */
const MAX_ACCOUNTS = 10_000;

/** Names taken from the database at a time when all are listed. */
const NAMES_AT_ONCE = 1000;

/** The user store over a database. */
export class LmdbUserStore implements UserStore {
  readonly subscriptions: LmdbSubscriptionStore;
  readonly #uses: SubscriptionUses;
  readonly #database: Database;
  readonly #guarded: GuardedDatabase;
  readonly #minimumCost: number;
  readonly #now: () => number;
  /** Read, as `#summary`, at `#generation`. */
  readonly #accounts = new Map<string, StoredAccount>();
  #summary: Summary;
  #generation: number;

  constructor(database: Database, { path, minimumCost, now }: UserStoreOptions) {
    this.#database = database;
    this.#guarded = new GuardedDatabase(database, path);
    this.#minimumCost = minimumCost;
    this.#now = now ?? Date.now;
    this.#generation = database.generation();
    this.#summary = decodeSummary(database.summary());
    this.#uses = createSubscriptionUses(database, this.#now);
    this.subscriptions = new LmdbSubscriptionStore({
      ...{ database, path },
      uses: this.#uses,
      now: this.#now,
    });
  }

  find(name: string): StoredAccount | undefined {
    this.#guarded.refreshForTurn(this.#forgetBefore);
    const known = this.#accounts.get(name);
    if (known !== undefined) return known;
    const record = this.#read(name);
    if (record === undefined) return undefined;
    const account = this.#guarded.read(`read user "${name}" in`, () => accountOf(record));
    if (this.#accounts.size >= MAX_ACCOUNTS) this.#accounts.clear();
    this.#accounts.set(name, account);
    return account;
  }

  get(name: string): UserRecord | undefined {
    this.#refresh();
    return this.#read(name);
  }

  *names(): Iterable<string> {
    let last = '';
    for (;;) {
      const after = last;
      const names = this.#guarded.read('read', () => this.#database.names(after, NAMES_AT_ONCE));
      yield* names;
      last = names.at(-1) ?? '';
      if (names.length < NAMES_AT_ONCE) return;
    }
  }

  *list(): Iterable<UserRecord> {
    for (const name of this.names()) {
      const record = this.get(name);
      if (record !== undefined) yield record;
    }
  }

  create(user: NewUser): Promise<'created' | 'exists'> {
    return this.#guarded.write(() => this.#insert(user));
  }

  createFirstAdmin(user: NewUser): Promise<'created' | 'exists' | 'too-late'> {
    return this.#guarded.write(() =>
      this.#storedSummary().everHadAdmin ? 'too-late' : this.#insert({ ...user, admin: true }),
    );
  }

  update(name: string, change: UserChange): Promise<UserRecord | 'unknown' | 'last-admin'> {
    return this.#guarded.write(() => {
      const before = this.#read(name);
      if (before === undefined) return 'unknown';
      const after = changedRecord(before, change, this.#time());
      if (!after.admin && this.#isLastAdmin(before)) return 'last-admin';
      this.#replace(name, before, after);
      return after;
    });
  }

  delete(name: string): Promise<'deleted' | 'unknown' | 'last-admin'> {
    return this.#guarded.write(() => {
      const before = this.#read(name);
      if (before === undefined) return 'unknown';
      if (this.#isLastAdmin(before)) return 'last-admin';
      this.#replace(name, before, undefined);
      return 'deleted';
    });
  }

  replaceAll({ users, subscriptions }: Batch): Promise<BatchRefusal | 'replaced'> {
    return this.#guarded.write(() => {
      const refusal = judgeUsers(this.#database, users) ?? this.subscriptions.judge(subscriptions);
      if (refusal !== undefined) return refusal;
      putUsers(this.#database, users);
      this.subscriptions.put(subscriptions);
      return 'replaced';
    });
  }

  snapshot(): Snapshot {
    return this.#guarded.read('read', () => {
      const { summary, records } = this.#database.snapshot();
      return {
        summary: decodeSummary(summary),
        subscriptions: this.subscriptions.all(),
        users: this.#decoded(records),
      };
    });
  }

  renewHash(name: string, oldHash: string, newHash: string): Promise<void> {
    return this.#guarded.write(() => {
      const before = this.#read(name);
      if (before?.hash === oldHash) this.#replace(name, before, { ...before, hash: newHash });
    });
  }

  highestCost(): number {
    return Math.max(this.#minimumCost, highestCostOf(this.summary()));
  }

  everHadAdmin(): boolean {
    return this.summary().everHadAdmin;
  }

  summary(): Summary {
    this.#refresh();
    return this.#summary;
  }

  async close(): Promise<void> {
    await this.#uses.close();
    await this.#database.close();
  }

  /** Makes the reads that follow see the store as of now. */
  #refresh(): void {
    this.#forgetBefore(this.#guarded.generation());
  }

  /** Forgets what was read before the last write. */
  readonly #forgetBefore = (generation: number): void => {
    if (generation === this.#generation) return;
    this.#accounts.clear();
    this.#summary = this.#storedSummary();
    this.#generation = generation;
  };

  #read(name: string): UserRecord | undefined {
    if (name === '' || Buffer.byteLength(name) > MAX_NAME_BYTES) return undefined;
    return this.#guarded.read(`read user "${name}" in`, () => {
      const bytes = this.#database.record(name);
      return bytes === undefined ? undefined : decodeRecord(name, bytes);
    });
  }

  *#decoded(records: Iterable<readonly [name: string, record: Uint8Array]>): Iterable<UserRecord> {
    try {
      for (const [name, record] of records) yield decodeRecord(name, record);
    } catch (thrown) {
      throw this.#guarded.faultOf('read', thrown);
    }
  }

  #storedSummary(): Summary {
    return this.#guarded.read('read', () => decodeSummary(this.#database.summary()));
  }

  #insert(user: NewUser): 'created' | 'exists' {
    if (this.#read(user.name) !== undefined) return 'exists';
    this.#replace(user.name, undefined, newRecord(user, this.#time()));
    return 'created';
  }

  #isLastAdmin(record: UserRecord): boolean {
    return record.admin && this.#storedSummary().admins === 1;
  }

  #replace(name: string, before: UserRecord | undefined, after: UserRecord | undefined): void {
    const record = after === undefined ? undefined : encodeRecord(after);
    const summary = summaryAfter(this.#storedSummary(), before, after);
    this.#database.put([[name, record]], encodeSummary(summary));
  }

  #time(): string {
    return new Date(this.#now()).toISOString();
  }
}

/** The rights are made once: nearly every request asks for them. */
function accountOf({ name, admin, hash, permissions }: UserRecord): StoredAccount {
  const rights = { admin, grants: grantsOf(permissions) };
  return { name, hash, rights: () => rights };
}
