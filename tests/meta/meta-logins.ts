import { createAuthenticate } from '../../src/authenticate/authenticate.ts';
import type { Authenticate, Authentication } from '../../src/authenticate/authenticate.ts';
import type { Passwords } from '../../src/authenticate/password.ts';
import { createThrottle } from '../../src/authenticate/throttle.ts';
import { createTokens } from '../../src/authenticate/token.ts';
import { createVerifiedPasswords } from '../../src/authenticate/verified.ts';
import { GatewayError } from '../../src/kernel/errors.ts';
import type { Identity } from '../../src/kernel/identity.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { createMetaDirectory } from '../../src/meta/directory.ts';
import type { MetaDirectory } from '../../src/meta/directory.ts';
import { makeToken } from '../support/jwt.ts';
import { FakeMeta, hashOf } from './fake-client.ts';

interface LoginsOptions {
  readonly cacheExpirationMs?: number;
  readonly staleMs?: number;
  readonly metaAdmins?: readonly string[];
  /** Failures that one address has for one name; 0: any number. */
  readonly failures?: number;
}

const ASKER = { clientAddress: '192.0.2.1', hasGone: false, hasEnded: false };
const SECRET = 'a-secret-of-32-characters-length';

/** Authentication in meta mode, with a clock that is set by hand, before meta nodes in memory. */
export class MetaLogins {
  readonly meta = new FakeMeta();
  readonly directory: MetaDirectory;
  nowMs = 1_700_000_000_000;
  /** What an operator heard. */
  readonly told: string[] = [];
  /** Costs of all that was compared or spent here, in order; pbkdf2 counts as 0. */
  work: number[] = [];
  readonly #authenticate: Authenticate;

  constructor(options: LoginsOptions = {}) {
    const { cacheExpirationMs = 600_000, staleMs = 0, metaAdmins = [], failures = 0 } = options;
    const now = (): number => this.nowMs;
    this.directory = createMetaDirectory({
      ...{ client: this.meta, cacheExpirationMs, staleMs, metaAdmins, now },
      events: {
        outage: {
          began: (fault) => this.told.push(`out: ${fault.kind}`),
          ended: ({ lastedMs, wentOn }) =>
            this.told.push(`back: ${lastedMs} ms, ${wentOn} went on`),
        },
        rolesRefused: (fault) => this.told.push(`roles: ${fault.kind}`),
        unknownPermission: (permission, user) =>
          this.told.push(`unknown: ${permission} of ${user}`),
      },
    });
    this.#authenticate = createAuthenticate({
      directory: this.directory,
      passwords: this.#passwords(),
      verified: createVerifiedPasswords({ matchedTtlMs: cacheExpirationMs, staleMs, now }),
      tokens: createTokens(new Secret(SECRET), now),
      subscriptions: { find: () => undefined },
      throttle: createThrottle({ count: failures, perMs: 3_600_000 }),
      bcryptCost: 12,
      now,
      onRenewalFailure: (name) => this.told.push(`renewal: ${name}`),
    });
  }

  pass(ms: number): void {
    this.nowMs += ms;
  }

  authenticate(name: string, password: string): Promise<Authentication> {
    return this.#authenticate(
      { kind: 'password', name, via: 'basic', password: new Secret(password) },
      ASKER,
    );
  }

  /** `ok`, or the status of the refusal. */
  login(name: string, password: string): Promise<'ok' | number> {
    return outcomeOf(this.authenticate(name, password));
  }

  token(name: string): Promise<'ok' | number> {
    const claims = { username: name, exp: Math.floor(this.nowMs / 1000) + 60 };
    const token = new Secret(makeToken({ header: { alg: 'HS256' }, claims, secret: SECRET }));
    return outcomeOf(this.#authenticate({ kind: 'bearer', token }, ASKER));
  }

  async identity(name: string, password: string): Promise<Identity> {
    const result = await this.authenticate(name, password);
    if (result.kind !== 'known') throw new Error(result.message);
    return result.identity;
  }

  #passwords(): Passwords {
    return {
      hash: (password) => Promise.resolve(hashOf(password.reveal())),
      compare: (password, hash) => {
        this.work.push(Number(hash.slice(4, 6)) || 0);
        return Promise.resolve(hash.slice(7) === hashOf(password.reveal()).slice(7));
      },
      spend: (_, cost) => {
        this.work.push(cost);
        return Promise.resolve();
      },
    };
  }
}

async function outcomeOf(authentication: Promise<Authentication>): Promise<'ok' | number> {
  try {
    return (await authentication).kind === 'known' ? 'ok' : 401;
  } catch (error) {
    if (error instanceof GatewayError) return error.status;
    throw error;
  }
}
