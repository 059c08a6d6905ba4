import type { MetaClient } from '../../src/meta/client.ts';
import type { MetaRole, MetaUser } from '../../src/meta/documents.ts';
import { MetaFault } from '../../src/meta/fault.ts';
import type { MetaFaultKind } from '../../src/meta/fault.ts';

type Scoped = Readonly<Record<string, readonly string[]>>;

/** A hash that `fakePasswords` holds for that of the password named in it. */
export function hashOf(password: string, cost = 10): string {
  const digest = Buffer.from(password).toString('hex').padEnd(53, '.');
  return `$2a$${String(cost).padStart(2, '0')}$${digest}`;
}

/** Meta nodes in memory, which do as they are told and count what they are asked. */
export class FakeMeta implements Pick<MetaClient, 'user' | 'roles' | 'isAuthorized'> {
  /** What was asked, in order: `user ann`, `roles`, `authorized ann`. */
  calls: string[] = [];
  /** Faults by the first word of the call. */
  readonly faults = new Map<string, MetaFaultKind>();
  /** Calls wait for it. */
  gate: Promise<void> = Promise.resolve();
  readonly #users = new Map<string, MetaUser & { readonly password: string }>();
  readonly #roles = new Map<string, MetaRole>();

  /** A user with this password; `isForeign`: kept elsewhere, so that only the nodes can check it. */
  put(name: string, password: string, permissions: Scoped = {}, isForeign = false): void {
    const hash = isForeign ? '' : hashOf(password);
    this.#users.set(name, { name, password, hash, permissions: mapped(permissions) });
  }

  /** A user with this very hash. */
  putHash(name: string, password: string, hash: string): void {
    this.#users.set(name, { name, password, hash, permissions: new Map() });
  }

  drop(name: string): void {
    this.#users.delete(name);
  }

  putRole(name: string, users: readonly string[], permissions: Scoped = {}): void {
    this.#roles.set(name, { name, users, permissions: mapped(permissions) });
  }

  dropRole(name: string): void {
    this.#roles.delete(name);
  }

  fail(kind: MetaFaultKind = 'unreachable'): void {
    for (const each of ['user', 'roles', 'authorized']) this.faults.set(each, kind);
  }

  recover(): void {
    this.faults.clear();
  }

  /** What was asked since this was last asked. */
  taken(): readonly string[] {
    const { calls } = this;
    this.calls = [];
    return calls;
  }

  user(name: string): Promise<MetaUser | undefined> {
    return this.#answer(`user ${name}`, () => this.#users.get(name));
  }

  roles(): Promise<readonly MetaRole[]> {
    return this.#answer('roles', () => [...this.#roles.values()]);
  }

  isAuthorized: MetaClient['isAuthorized'] = (name, password) =>
    this.#answer(`authorized ${name}`, () => this.#users.get(name)?.password === password.reveal());

  /** As the node has it at the moment when it answers. */
  async #answer<T>(call: string, answer: () => T): Promise<T> {
    this.calls.push(call);
    await this.gate;
    const kind = this.faults.get(call.split(' ')[0] ?? '');
    if (kind !== undefined) throw new MetaFault(kind, `meta node http://meta:8091: ${kind}`);
    return answer();
  }
}

function mapped(permissions: Scoped): ReadonlyMap<string, readonly string[]> {
  return new Map(Object.entries(permissions));
}
