import { afterEach, describe, expect, test } from '@jest/globals';
import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { signMetaToken } from '../../src/authenticate/signed-token.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { knowsEverybody, saying } from './fake-node.ts';
import { createNodes } from './nodes.ts';
import { faultOf } from './open-client.ts';

const { node, client, end } = createNodes();
afterEach(end);

const SECRET = 'CANARY internal shared secret';
const START_MS = 1_700_000_000_500;

/** What a token says, where it is signed by the secret with HMAC-SHA-512 (RFC 7515). */
function verified(authorization: string | undefined): { header: unknown; claims: unknown } {
  const [, header = '', claims = '', signature] =
    /^Bearer ([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(authorization ?? '') ?? [];
  const hmac = createHmac('sha512', SECRET).update(`${header}.${claims}`).digest('base64url');
  expect(signature).toBe(hmac);
  const [readHeader, readClaims] = [header, claims].map((part): unknown =>
    JSON.parse(Buffer.from(part, 'base64url').toString()),
  );
  return { header: readHeader, claims: readClaims };
}

describe('the gateway at the meta nodes', () => {
  test('is nobody where neither user nor secret is set', async () => {
    const meta = await node(knowsEverybody);
    await client([meta]).user('alice');
    expect(meta.requests[0]?.headers).not.toHaveProperty('authorization');
    meta.answerBy(saying(401, ''));
    expect((await faultOf(client([meta]).user('alice'))).message).toContain(
      'does not take the gateway without a user of its own: set meta-username and meta-password, or meta-internal-shared-secret',
    );
  });

  for (const [username, password] of [
    ['gate', 'pass:word'],
    ['管理者', 'пароль'],
    ['gate', ''],
  ] as const) {
    test(`is ${username} by Basic`, async () => {
      const meta = await node(knowsEverybody);
      await client([meta], { username, password: new Secret(password) }).user('alice');
      const [, basic = ''] =
        /^Basic (.*)$/.exec(meta.requests[0]?.headers.authorization ?? '') ?? [];
      expect(Buffer.from(basic, 'base64').toString()).toBe(`${username}:${password}`);
    });
  }

  test('is whoever holds the secret: a token of HS512 for no user, for five minutes', async () => {
    const meta = await node(knowsEverybody);
    const now = (): number => START_MS;
    await client([meta], {
      username: 'ignored',
      signToken: (lifetimeMs) => signMetaToken(new Secret(SECRET), now(), lifetimeMs),
      now,
    }).user('alice');
    expect(verified(meta.requests[0]?.headers.authorization)).toEqual({
      header: { alg: 'HS512', typ: 'JWT' },
      claims: { username: '', exp: 1_700_000_300 },
    });
  });

  test('makes its token anew long before it runs out, and when the clock was set back', async () => {
    const meta = await node(knowsEverybody);
    let nowMs = START_MS;
    const asked = client([meta], {
      signToken: (lifetimeMs) => signMetaToken(new Secret(SECRET), nowMs, lifetimeMs),
      now: () => nowMs,
    });
    const expiries: unknown[] = [];
    for (const passMs of [0, 59_999, 1, 3_600_000, -7_200_000]) {
      nowMs += passMs;
      await asked.user('alice');
      expiries.push(verified(meta.requests.at(-1)?.headers.authorization).claims);
    }
    expect(expiries).toEqual(
      [300, 300, 360, 3960, -3240].map((after) => ({ username: '', exp: 1_700_000_000 + after })),
    );
  });

  test('is told what to check where a node does not take its token, and no secret is told', async () => {
    const meta = await node(saying(401, { error: 'token is expired' }));
    const fault = await faultOf(
      client([meta], {
        signToken: (lifetimeMs) => signMetaToken(new Secret(SECRET), START_MS, lifetimeMs),
      }).user('alice'),
    );
    expect(fault.message).toBe(
      `meta node ${meta.url} does not take the gateway's token: check meta-internal-shared-secret, and the clocks of both machines`,
    );
    expect(inspect(fault, { depth: 10, showHidden: true })).not.toMatch(/CANARY|Bearer/);
  });
});
