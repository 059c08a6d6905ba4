import { beforeEach, describe, expect, test } from '@jest/globals';
import { createAuthenticate } from '../../src/authenticate/authenticate.ts';
import type { Authenticate, Authentication } from '../../src/authenticate/authenticate.ts';
import type { Account, Directory, Rights } from '../../src/authenticate/directory.ts';
import type { Hashing } from '../../src/authenticate/hashing.ts';
import { createPasswords } from '../../src/authenticate/password.ts';
import type { Passwords } from '../../src/authenticate/password.ts';
import { createThrottle } from '../../src/authenticate/throttle.ts';
import type { Subscriptions } from '../../src/authenticate/subscription.ts';
import { createTokens } from '../../src/authenticate/token.ts';
import { createVerifiedPasswords } from '../../src/authenticate/verified.ts';
import { GatewayError } from '../../src/kernel/errors.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { eventually } from '../support/eventually.ts';
import { makeToken } from '../support/jwt.ts';

const GRANTS = { api: new Map(), databases: new Map() };
const SECRET = 'a-secret-of-32-characters-length';

/** A hash of this cost, which the fake below holds for that of the password named in it. */
function hashOf(password: string, cost = 10, version = '$2b$'): string {
  const digest = Buffer.from(password).toString('hex').padEnd(53, '.');
  return `${version}${String(cost).padStart(2, '0')}$${digest}`;
}

/** An account with its rights beside it. */
interface Stored extends Rights {
  readonly name: string;
  readonly hash: string;
}

function asAccount({ name, hash, ...rights }: Stored): Account {
  return { name, hash, rights: () => rights };
}

let accounts: Map<string, Stored>;
let highestCost: number;
/** Costs of all that was compared or spent, in order. */
let work: number[];
let renewed: string[];
let failures: string[];
let gate: Promise<void>;
let directoryFault: Error | undefined;

beforeEach(() => {
  accounts = new Map();
  highestCost = 10;
  work = [];
  renewed = [];
  failures = [];
  gate = Promise.resolve();
  directoryFault = undefined;
  add('ann', 'secret');
});

function add(name: string, password: string, cost = 10): void {
  accounts.set(name, { name, admin: false, grants: GRANTS, hash: hashOf(password, cost) });
}

const hashing: Hashing = {
  run: async (job) => {
    if (job.kind === 'compare' && job.form?.kind === 'bcrypt') work.push(job.form.cost);
    await gate;
    if (job.kind === 'hash') return hashOf(job.password, job.cost);
    const holds = job.form?.kind === 'bcrypt' ? job.form.hash.slice(7) : undefined;
    const matched = holds === hashOf(job.password).slice(7);
    if (!matched) work.push(...job.onFailure.map((hash) => Number(hash.slice(4, 6))));
    return matched;
  },
  load: () => ({ running: 0, waiting: 0 }),
  close: () => Promise.resolve(),
};
const passwords = createPasswords({ cost: 12, hashing });

const directory: Directory = {
  find: (name) => {
    if (directoryFault !== undefined) throw directoryFault;
    const stored = accounts.get(name);
    return stored === undefined ? undefined : asAccount(stored);
  },
  highestCost: () => {
    if (directoryFault !== undefined) throw directoryFault;
    return highestCost;
  },
  renewHash: (name, oldHash, newHash) => {
    const account = accounts.get(name);
    if (account?.hash !== oldHash) return Promise.resolve();
    renewed.push(`${name} ${newHash.slice(0, 7)}`);
    accounts.set(name, { ...account, hash: newHash });
    return Promise.resolve();
  },
};

const subscriptions: Subscriptions = {
  find: (secret) => {
    if (directoryFault !== undefined) throw directoryFault;
    return secret.reveal() === 'good'
      ? { name: '~subscriber:influx', admin: false, grants: GRANTS, method: 'subscription' }
      : undefined;
  },
};

function create(
  options: {
    ttlMs?: number;
    bcryptCost?: number;
    passwords?: Passwords;
    failures?: { count: number; perMs: number };
  } = {},
): Authenticate {
  return createAuthenticate({
    directory,
    passwords: options.passwords ?? passwords,
    verified: createVerifiedPasswords({ matchedTtlMs: options.ttlMs ?? 60_000, maxEntries: 10 }),
    throttle: createThrottle(options.failures ?? { count: 0, perMs: 60_000 }),
    tokens: createTokens(new Secret(SECRET), Date.now),
    subscriptions,
    bcryptCost: options.bcryptCost ?? 10,
    now: Date.now,
    onRenewalFailure: (name, error) => failures.push(`${name}: ${String(error)}`),
  });
}

function login(
  authenticate: Authenticate,
  name: string,
  password: string,
  clientAddress = ADDRESS,
): Promise<Authentication> {
  return authenticate(
    { kind: 'password', name, password: new Secret(password), via: 'basic' },
    { clientAddress, hasGone: false, hasEnded: false },
  );
}

const ADDRESS = '192.0.2.1';
const ASKER = { clientAddress: ADDRESS, hasGone: false, hasEnded: false };

async function outcome(authentication: Promise<Authentication>): Promise<string> {
  const result = await authentication;
  return result.kind === 'known'
    ? `${result.identity.name} by ${result.identity.method}`
    : result.message;
}

function total(): number {
  return work.reduce((sum, cost) => sum + 2 ** cost, 0);
}

const KNOWN = 'ann by basic';
const FAILED = 'authorization failed';

describe('a password', () => {
  test('that is right makes its user known, as the directory has them', async () => {
    expect(await login(create(), 'ann', 'secret')).toEqual({
      kind: 'known',
      identity: { name: 'ann', admin: false, grants: GRANTS, method: 'basic' },
    });
  });

  test('that is wrong, and a name that is unknown, are refused in the same words', async () => {
    const authenticate = create();
    expect(await login(authenticate, 'ann', 'x')).toEqual({
      kind: 'refused',
      message: FAILED,
      claimed: 'ann',
    });
    expect(await login(authenticate, 'zzz', 'x')).toEqual({
      kind: 'refused',
      message: FAILED,
      claimed: 'zzz',
    });
    expect(await login(authenticate, '', 'x')).toMatchObject({ message: 'username required' });
  });

  test.each(['', 'x'.repeat(73), 'ä'.repeat(37), 'a\0b', '\0'])(
    'that cannot be one (%j) is refused, even where the hash would fit',
    async (password) => {
      add('odd', password);
      expect(await outcome(login(create(), 'odd', password))).toBe(FAILED);
      expect(total()).toBe(2 ** 10);
    },
  );

  test('of 72 bytes is one', async () => {
    const longest = 'x'.repeat(72);
    accounts.set('long', { name: 'long', admin: false, grants: GRANTS, hash: hashOf('y') });
    const everything: Passwords = { ...passwords, compare: () => Promise.resolve(true) };
    expect(await outcome(login(create({ passwords: everything }), 'long', longest))).toBe(
      'long by basic',
    );
    expect(await outcome(login(create({ passwords: everything }), 'long', `${longest}x`))).toBe(
      FAILED,
    );
  });

  test.each(['', '*', '$2a$', '$2b$10$short', 'plain'])(
    'against the malformed hash %j is refused, at full cost',
    async (hash) => {
      accounts.set('bad', { name: 'bad', admin: false, grants: GRANTS, hash });
      expect(await outcome(login(create(), 'bad', hash))).toBe(FAILED);
      expect(total()).toBe(2 ** 10);
    },
  );
});

describe('every failed login costs the same', () => {
  for (const highest of [4, 10, 13]) {
    for (const cost of [4, 5, 9, 10, 13]) {
      if (cost > highest) continue;
      test(`a user of cost ${cost} where the highest is ${highest}`, async () => {
        highestCost = highest;
        add('ben', 'secret', cost);
        await login(create({ bcryptCost: 4 }), 'ben', 'x');
        expect(total()).toBe(2 ** highest);
      });
    }
    test(`an unknown name, and an empty store, where the highest is ${highest}`, async () => {
      highestCost = highest;
      const authenticate = create();
      await login(authenticate, 'zzz', 'x');
      accounts.clear();
      await login(authenticate, 'ann', 'x');
      expect(work).toEqual([highest, highest]);
    });
  }

  test('a wrong password that comes again at once costs nothing, for a name that is unknown too', async () => {
    const authenticate = create();
    for (const name of ['ann', 'zzz']) {
      await login(authenticate, name, 'x');
      const before = total();
      for (let round = 0; round < 10; round++)
        expect(await outcome(login(authenticate, name, 'x'))).toBe(FAILED);
      expect(total()).toBe(before);
    }
  });
});

describe('a match is remembered', () => {
  test('and costs one comparison', async () => {
    const authenticate = create();
    for (let round = 0; round < 5; round++)
      expect(await outcome(login(authenticate, 'ann', 'secret'))).toBe(KNOWN);
    expect(work).toEqual([10]);
  });

  test('for that name and that password only', async () => {
    add('a', 'bc');
    add('ab', 'xyz');
    const authenticate = create();
    expect(await outcome(login(authenticate, 'a', 'bc'))).toBe('a by basic');
    expect(await outcome(login(authenticate, 'ab', 'c'))).toBe(FAILED);
  });

  test('not past a change of the password', async () => {
    const authenticate = create();
    await login(authenticate, 'ann', 'secret');
    add('ann', 'other');
    expect(await outcome(login(authenticate, 'ann', 'secret'))).toBe(FAILED);
    expect(await outcome(login(authenticate, 'ann', 'other'))).toBe(KNOWN);
  });

  test('not past the deletion of the user, but again when they come back', async () => {
    const authenticate = create();
    await login(authenticate, 'ann', 'secret');
    const account = accounts.get('ann');
    accounts.delete('ann');
    expect(await outcome(login(authenticate, 'ann', 'secret'))).toBe(FAILED);
    if (account !== undefined) accounts.set('ann', account);
    expect(await outcome(login(authenticate, 'ann', 'secret'))).toBe(KNOWN);
  });

  test('with the rights that its user has now', async () => {
    const authenticate = create();
    await login(authenticate, 'ann', 'secret');
    accounts.set('ann', {
      ...{ name: 'ann', grants: GRANTS, hash: hashOf('secret') },
      admin: true,
    });
    expect(await login(authenticate, 'ann', 'secret')).toMatchObject({ identity: { admin: true } });
  });

  test('through any number of failures', async () => {
    const authenticate = create();
    await login(authenticate, 'ann', 'secret');
    for (let round = 0; round < 100; round++) await login(authenticate, 'ann', `wrong ${round}`);
    work = [];
    expect(await outcome(login(authenticate, 'ann', 'secret'))).toBe(KNOWN);
    expect(work).toEqual([]);
  });

  test('not where cache-expiration is 0', async () => {
    const authenticate = create({ ttlMs: 0 });
    for (let round = 0; round < 3; round++) await login(authenticate, 'ann', 'secret');
    expect(work).toEqual([10, 10, 10]);
  });

  test('a user of a full cache is still let in', async () => {
    const authenticate = create();
    for (let round = 0; round < 50; round++) {
      add(`user${round}`, 'secret');
      expect(await outcome(login(authenticate, `user${round}`, 'secret'))).toBe(
        `user${round} by basic`,
      );
    }
  });
});

describe('logins at the same time', () => {
  test('a hundred with one password cost one comparison, right or wrong', async () => {
    const authenticate = create();
    for (const [password, want] of [
      ['secret', KNOWN],
      ['wrong', FAILED],
    ] as const) {
      work = [];
      const logins = Array.from({ length: 100 }, () =>
        outcome(login(authenticate, 'ann', password)),
      );
      expect(new Set(await Promise.all(logins))).toEqual(new Set([want]));
      expect(work).toEqual([10]);
    }
  });

  test('are refused together where the queue is full, and the next one is not', async () => {
    let isFull = true;
    const full: Passwords = {
      ...passwords,
      compare: (...asked) =>
        isFull ? Promise.reject(new GatewayError('overloaded')) : passwords.compare(...asked),
    };
    const authenticate = create({ passwords: full });
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, () => login(authenticate, 'ann', 'secret')),
    );
    for (const result of results) expect(result).toMatchObject({ reason: { code: 'overloaded' } });
    isFull = false;
    expect(await outcome(login(authenticate, 'ann', 'secret'))).toBe(KNOWN);
  });

  async function whileComparing(change: () => void): Promise<string> {
    let open: () => void = () => undefined;
    gate = new Promise((resolve) => {
      open = resolve;
    });
    const result = outcome(login(create(), 'ann', 'secret'));
    await eventually('the comparison', () => work.length === 1);
    change();
    open();
    return result;
  }

  test('a user who is deleted while their password is compared is refused', async () => {
    expect(await whileComparing(() => accounts.delete('ann'))).toBe(FAILED);
  });

  test('one who gets another password meanwhile is refused with the old one', async () => {
    expect(
      await whileComparing(() => {
        add('ann', 'other');
      }),
    ).toBe(FAILED);
  });

  test('one whose hash is made anew meanwhile, of the same password, is let in', async () => {
    expect(
      await whileComparing(() => {
        add('ann', 'secret', 12);
      }),
    ).toBe(KNOWN);
  });

  test('one who loses rights meanwhile comes without them', async () => {
    accounts.set('ann', { name: 'ann', admin: true, grants: GRANTS, hash: hashOf('secret') });
    let open: () => void = () => undefined;
    gate = new Promise((resolve) => {
      open = resolve;
    });
    const result = login(create(), 'ann', 'secret');
    await eventually('the comparison', () => work.length === 1);
    add('ann', 'secret');
    open();
    expect(await result).toMatchObject({ kind: 'known', identity: { admin: false } });
  });

  test('one who never stops changing is given up', async () => {
    let cost = 4;
    const changing: Passwords = {
      ...passwords,
      compare: async (...asked) => {
        const matched = await passwords.compare(...asked);
        add('ann', 'secret', ++cost);
        return matched;
      },
    };
    expect(
      await outcome(login(create({ passwords: changing, bcryptCost: 4 }), 'ann', 'secret')),
    ).toBe(FAILED);
    expect(work.length).toBeLessThan(10);
  });
});

describe('a hash of lower cost', () => {
  test('is renewed at the next login, behind its back and once', async () => {
    accounts.set('ann', {
      name: 'ann',
      admin: false,
      grants: GRANTS,
      hash: hashOf('secret', 4, '$2a$'),
    });
    const authenticate = create({ bcryptCost: 12 });
    expect(await outcome(login(authenticate, 'ann', 'secret'))).toBe(KNOWN);
    await eventually('the renewal', () => renewed.length > 0);
    for (let round = 0; round < 3; round++)
      expect(await outcome(login(authenticate, 'ann', 'secret'))).toBe(KNOWN);
    expect(renewed).toEqual(['ann $2b$12$']);
  });

  test('is not by a wrong password', async () => {
    add('ann', 'secret', 4);
    await login(create({ bcryptCost: 12 }), 'ann', 'x');
    expect(renewed).toEqual([]);
  });

  test('is not where it has changed meanwhile', async () => {
    add('ann', 'secret', 4);
    let open: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => {
      open = resolve;
    });
    const slowly: Passwords = {
      ...passwords,
      hash: (password) => slow.then(() => passwords.hash(password)),
    };
    expect(
      await outcome(login(create({ bcryptCost: 12, passwords: slowly }), 'ann', 'secret')),
    ).toBe(KNOWN);
    add('ann', 'other', 4);
    open();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(renewed).toEqual([]);
    expect(accounts.get('ann')?.hash).toBe(hashOf('other', 4));
  });

  test('that cannot be renewed lets its user in all the same, and is told', async () => {
    add('ann', 'secret', 4);
    const full: Passwords = {
      ...passwords,
      hash: () => Promise.reject(new GatewayError('overloaded')),
    };
    expect(await outcome(login(create({ bcryptCost: 12, passwords: full }), 'ann', 'secret'))).toBe(
      KNOWN,
    );
    await eventually('the word', () => failures.length === 1);
    expect(failures[0]).toMatch(/^ann: /);
  });

  test('one of higher cost is left alone', async () => {
    highestCost = 14;
    add('ann', 'secret', 14);
    await login(create({ bcryptCost: 10 }), 'ann', 'secret');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(renewed).toEqual([]);
  });
});

describe('a directory that cannot say', () => {
  test('is 503 for every kind of credentials, never a refusal', async () => {
    const authenticate = create();
    await login(authenticate, 'ann', 'secret');
    directoryFault = new Error('disk');
    const claims = { username: 'ann', exp: Math.floor(Date.now() / 1000) + 60 };
    const token = new Secret(makeToken({ header: { alg: 'HS256' }, claims, secret: SECRET }));
    for (const attempt of [
      login(authenticate, 'ann', 'secret'),
      login(authenticate, 'zzz', 'x'),
      authenticate({ kind: 'bearer', token }, ASKER),
    ]) {
      await expect(attempt).rejects.toMatchObject({ code: 'directory-unavailable', status: 503 });
    }
  });

  test('is so too where only its highest cost cannot be read', async () => {
    const half: Directory = {
      ...directory,
      highestCost: () => {
        throw new Error('disk');
      },
    };
    const authenticate = createAuthenticate({
      ...{ directory: half, passwords, bcryptCost: 10, onRenewalFailure: () => undefined },
      now: Date.now,
      verified: createVerifiedPasswords({ matchedTtlMs: 0 }),
      throttle: createThrottle({ count: 0, perMs: 1 }),
      tokens: createTokens(new Secret(''), Date.now),
      subscriptions,
    });
    for (const [name, password] of [
      ['zzz', 'x'],
      ['ann', 'x'],
      ['ann', ''],
    ] as const) {
      await expect(login(authenticate, name, password)).rejects.toMatchObject({
        code: 'directory-unavailable',
      });
    }
  });
});

describe('other credentials', () => {
  test('a token makes its user known, and nobody who is not in the directory', async () => {
    const authenticate = create();
    const bearer = (username: string): Promise<string> => {
      const claims = { username, exp: Math.floor(Date.now() / 1000) + 60 };
      const token = new Secret(makeToken({ header: { alg: 'HS256' }, claims, secret: SECRET }));
      return outcome(authenticate({ kind: 'bearer', token }, ASKER));
    };
    expect(await bearer('ann')).toBe('ann by bearer');
    for (const name of ['zzz', '__proto__', 'constructor', 'ANN', 'ann '])
      expect(await bearer(name)).toBe(FAILED);
    accounts.delete('ann');
    expect(await bearer('ann')).toBe(FAILED);
  });

  test('the secret of a subscription makes it known', async () => {
    const token = new Secret('good');
    const known = outcome(create()({ kind: 'subscription', token }, ASKER));
    expect(await known).toBe('~subscriber:influx by subscription');
  });

  test('subscriptions that cannot be read are nobody’s refusal', async () => {
    directoryFault = new Error('disk');
    for (const token of ['good', 'bad']) {
      const attempt = create()({ kind: 'subscription', token: new Secret(token) }, ASKER);
      await expect(attempt).rejects.toMatchObject({ code: 'directory-unavailable', status: 503 });
    }
  });

  test('none, unreadable ones and subscriptions are refused in Kapacitor’s words', async () => {
    const authenticate = create();
    const unparsed = 'unable to parse authentication credentials';
    expect(await outcome(authenticate({ kind: 'none' }, ASKER))).toBe(unparsed);
    expect(await outcome(authenticate({ kind: 'unreadable' }, ASKER))).toBe(unparsed);
    const subscription = (token: string): Promise<string> =>
      outcome(authenticate({ kind: 'subscription', token: new Secret(token) }, ASKER));
    expect(await subscription('abc')).toBe('invalid subscription token');
    expect(await subscription('')).toBe('token must be a valid username: ""');
    expect(await outcome(authenticate({ kind: 'two' }, ASKER))).toMatch(/send no other beside it/);
  });
});

describe('the throttle', () => {
  const failures = { count: 3, perMs: 60_000 };

  test('stops guesses, known name or not, also the right one among them', async () => {
    const authenticate = create({ failures });
    for (const name of ['ann', 'zzz']) {
      for (const guess of ['a', 'b', 'c']) {
        expect(await outcome(login(authenticate, name, guess))).toBe(FAILED);
      }
      await expect(login(authenticate, name, 'secret')).rejects.toMatchObject({
        code: 'throttled',
        status: 429,
      });
      expect(await outcome(login(authenticate, 'ann', 'secret', '192.0.2.2'))).toBe(KNOWN);
    }
  });

  test('a stopped guess costs no comparison', async () => {
    const authenticate = create({ failures });
    for (const guess of ['a', 'b', 'c']) await login(authenticate, 'ann', guess);
    const before = total();
    await expect(login(authenticate, 'ann', 'd')).rejects.toMatchObject({ code: 'throttled' });
    expect(total()).toBe(before);
  });

  test('does not stop the right password of a user who was known before, remembered or not', async () => {
    const authenticate = create({ failures, ttlMs: 0 });
    expect(await outcome(login(authenticate, 'ann', 'secret'))).toBe(KNOWN);
    for (const guess of ['a', 'b', 'c', 'd']) {
      await login(authenticate, 'ann', guess).catch(() => undefined);
    }
    await expect(login(authenticate, 'ann', 'e')).rejects.toMatchObject({ code: 'throttled' });
    expect(await outcome(login(authenticate, 'ann', 'secret'))).toBe(KNOWN);
  });

  test('a hundred logins of one user at once are one attempt', async () => {
    const authenticate = create({ failures: { count: 1, perMs: 60_000 } });
    const all = await Promise.all(
      Array.from({ length: 100 }, () => outcome(login(authenticate, 'ann', 'secret'))),
    );
    expect(new Set(all)).toEqual(new Set([KNOWN]));
  });

  test('one wrong password sent again and again within seconds is one guess', async () => {
    const authenticate = create({ failures });
    for (let each = 0; each < 20; each++) {
      expect(await outcome(login(authenticate, 'ann', 'old'))).toBe(FAILED);
    }
  });

  test('a password that nobody can compare at the moment is no failure', async () => {
    const broken: Passwords = {
      ...passwords,
      compare: () => Promise.reject(new Error('the queue is full')),
    };
    const authenticate = create({ failures, passwords: broken });
    for (let each = 0; each < 10; each++) {
      await expect(login(authenticate, 'ann', 'secret')).rejects.toThrow('the queue is full');
    }
  });
});
