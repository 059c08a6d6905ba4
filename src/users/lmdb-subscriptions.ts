import { grantsOf } from '../authorize/permissions.ts';
import type { Identity } from '../kernel/identity.ts';
import type { Secret } from '../kernel/secret.ts';
import { changedName } from './batch.ts';
import type { BatchRefusal, Replacement } from './batch.ts';
import type { Database } from './database.ts';
import type { UserStoreError } from './fault.ts';
import { GuardedDatabase } from './guarded-database.ts';
import { confirmed, newSubscription, rotated } from './subscription-change.ts';
import type { SubscriptionUses } from './subscription-uses.ts';
import { decodeSubscription, encodeSubscription, hashOf, newSecret } from './subscription.ts';
import type { SubscriptionRecord } from './subscription.ts';
import { MAX_SUBSCRIPTIONS } from './subscriptions.ts';
import type { SubscriptionStore } from './subscriptions.ts';

const PREFIX = 'subscription:';

/** A secret that is good until `endsMs`, and whose it is. */
interface Known {
  readonly identity: Identity;
  readonly endsMs: number;
}

interface Parts {
  readonly database: Database;
  readonly uses: SubscriptionUses;
  readonly path: string;
  readonly now: () => number;
}

/** The subscriptions over the database of the users. All that is known of secrets is kept parsed until the next write. */
export class LmdbSubscriptionStore implements SubscriptionStore {
  readonly #database: Database;
  readonly #uses: SubscriptionUses;
  readonly #guarded: GuardedDatabase;
  readonly #now: () => number;
  /** Read, as `#damage`, at `#generation`. */
  #known: ReadonlyMap<string, Known> = new Map();
  #damage: UserStoreError | undefined;
  #generation = -1;

  constructor({ database, uses, path, now }: Parts) {
    this.#database = database;
    this.#uses = uses;
    this.#guarded = new GuardedDatabase(database, path);
    this.#now = now;
  }

  find(secret: Secret): Identity | undefined {
    this.#guarded.refreshForTurn(this.#load);
    const hash = hashOf(secret);
    const known = this.#known.get(hash);
    // Whose it is may stand in the record that cannot be read.
    if (known === undefined && this.#damage !== undefined) throw this.#damage;
    if (known === undefined || known.endsMs <= this.#now()) return undefined;
    this.#uses.note(hash);
    return known.identity;
  }

  get(name: string): SubscriptionRecord | undefined {
    this.#database.generation();
    return this.#read(name);
  }

  list(): readonly SubscriptionRecord[] {
    this.#database.generation();
    return this.all();
  }

  /** As `list`, in the transaction that is read in already. */
  all(): readonly SubscriptionRecord[] {
    return this.#names().flatMap((name) => this.#read(name) ?? []);
  }

  /** Why these cannot be put, within the transaction that is to do it. */
  judge(replacements: readonly Replacement<SubscriptionRecord>[]): BatchRefusal | undefined {
    const changed = changedName(replacements, (name) => this.#read(name));
    if (changed !== undefined) return { changedMeanwhile: `subscription "${changed}"` };
    const added = replacements.filter(({ before }) => before === undefined).length;
    return added > 0 && this.#names().length + added > MAX_SUBSCRIPTIONS
      ? 'too-many-subscriptions'
      : undefined;
  }

  /** Puts them, within a transaction in which `judge` refused nothing. */
  put(replacements: readonly Replacement<SubscriptionRecord>[]): void {
    for (const { before, after } of replacements) {
      if (before === undefined) this.#put(after);
      else this.#replace(before, after);
    }
  }

  lastUsed(hash: string): number | undefined {
    return this.#guarded.read('read', () => this.#uses.lastOf(hash));
  }

  async add(name: string, databases: readonly string[]): Promise<Secret | 'exists' | 'too-many'> {
    const secret = newSecret();
    return this.#guarded.write(() => {
      if (this.#database.further(PREFIX + name) !== undefined) return 'exists';
      if (this.#names().length >= MAX_SUBSCRIPTIONS) return 'too-many';
      this.#put(newSubscription(name, databases, hashOf(secret), this.#time()));
      return secret;
    });
  }

  async rotate(
    name: string,
    keepMs: number | undefined,
  ): Promise<Secret | 'unknown' | 'two-already'> {
    const secret = newSecret();
    return this.#guarded.write(() => {
      const before = this.#read(name);
      if (before === undefined) return 'unknown';
      const ends = keepMs === undefined ? undefined : this.#time(keepMs);
      const after = rotated(before, hashOf(secret), ends, this.#time());
      if (after === undefined) return 'two-already';
      this.#replace(before, after);
      return secret;
    });
  }

  endOld(name: string): Promise<SubscriptionRecord | 'unknown' | 'one-only'> {
    return this.#guarded.write(() => {
      const before = this.#read(name);
      if (before === undefined) return 'unknown';
      const after = confirmed(before, this.#time());
      if (after === undefined) return 'one-only';
      this.#replace(before, after);
      return after;
    });
  }

  revoke(name: string): Promise<'revoked' | 'unknown'> {
    return this.#guarded.write(() => {
      const key = PREFIX + name;
      const bytes = this.#database.further(key);
      if (bytes === undefined) return 'unknown';
      for (const { hash } of secretsIn(name, bytes)) this.#uses.forget(hash);
      this.#database.putFurther(key, undefined);
      return 'revoked';
    });
  }

  readonly #load = (generation: number): void => {
    if (generation === this.#generation) return;
    const known = new Map<string, Known>();
    this.#damage = undefined;
    for (const name of this.#names()) {
      try {
        const record = this.#read(name);
        if (record !== undefined) addSecrets(known, record);
      } catch (thrown) {
        this.#damage = this.#guarded.faultOf('read', thrown);
      }
    }
    this.#known = known;
    this.#generation = generation;
  };

  #names(): readonly string[] {
    return this.#guarded.read('read', () =>
      this.#database.furtherKeys(PREFIX).map((key) => key.slice(PREFIX.length)),
    );
  }

  #read(name: string): SubscriptionRecord | undefined {
    return this.#guarded.read(`read subscription "${name}" in`, () => {
      const bytes = this.#database.further(PREFIX + name);
      return bytes === undefined ? undefined : decodeSubscription(name, bytes);
    });
  }

  #replace(before: SubscriptionRecord, after: SubscriptionRecord): void {
    const kept = after.secrets.map(({ hash }) => hash);
    for (const { hash } of before.secrets) if (!kept.includes(hash)) this.#uses.forget(hash);
    this.#put(after);
  }

  #put(record: SubscriptionRecord): void {
    this.#database.putFurther(PREFIX + record.name, encodeSubscription(record));
  }

  #time(fromNowMs = 0): string {
    return new Date(this.#now() + fromNowMs).toISOString();
  }
}

function addSecrets(known: Map<string, Known>, record: SubscriptionRecord): void {
  const identity = subscriberOf(record);
  for (const { hash, ends } of record.secrets) {
    known.set(hash, { identity, endsMs: ends === undefined ? Infinity : Date.parse(ends) });
  }
}

/** What a subscription may do: write, to its databases, and ping. No user can have the name. */
export function subscriberOf({ name, databases }: SubscriptionRecord): Identity {
  const permissions =
    databases.length === 0 ? ['write_points'] : databases.map((each) => `write_points:${each}`);
  return {
    name: `~subscriber:${name}`,
    admin: false,
    grants: grantsOf(permissions),
    method: 'subscription',
  };
}

/** None where the record is damaged: it is taken away all the same. */
function secretsIn(name: string, bytes: Uint8Array): SubscriptionRecord['secrets'] {
  try {
    return decodeSubscription(name, bytes).secrets;
  } catch {
    return [];
  }
}
