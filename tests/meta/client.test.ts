import { afterEach, describe, expect, test } from '@jest/globals';
import { Secret } from '../../src/kernel/secret.ts';
import type { MetaClientOptions, MetaNodesClient } from '../../src/meta/client.ts';
import { knowsEverybody, saying, startFakeNode } from './fake-node.ts';
import type { FakeNode, FakeNodeHandler, FakeNodeOptions } from './fake-node.ts';
import { kindOf, openClient } from './open-client.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of cleanups.splice(0).reverse()) await each();
});

async function node(handler: FakeNodeHandler, options?: FakeNodeOptions): Promise<FakeNode> {
  const started = await startFakeNode(handler, options);
  cleanups.push(() => started.stop());
  return started;
}

function client(nodes: readonly FakeNode[], options?: Partial<MetaClientOptions>): MetaNodesClient {
  const opened = openClient(
    nodes.map(({ address }) => address),
    options,
  );
  cleanups.push(() => opened.close());
  return opened;
}

describe('MetaClient.user', () => {
  test('asks as Kapacitor does, and gives the user as the node has them', async () => {
    const meta = await node(
      saying(200, {
        users: [
          {
            name: 'phantom',
            hash: '$2a$10$x',
            permissions: { '': ['KapacitorAPI'], MyDatabase: ['ReadData', 'WriteData'] },
            new: 1,
          },
        ],
      }),
    );
    const user = await client([meta]).user('phantom');
    expect(user).toEqual({
      name: 'phantom',
      hash: '$2a$10$x',
      permissions: new Map([
        ['', ['KapacitorAPI']],
        ['MyDatabase', ['ReadData', 'WriteData']],
      ]),
    });
    expect(meta.requests).toHaveLength(1);
    expect(meta.requests[0]).toMatchObject({
      target: '/user?name=phantom',
      headers: {
        'user-agent': 'InfluxDB Cluster Client',
        accept: 'application/json',
        'content-type': 'application/json',
      },
    });
    for (const header of ['authorization', 'accept-encoding', 'cookie']) {
      expect(meta.requests[0]?.headers).not.toHaveProperty(header);
    }
  });

  for (const name of [
    '管理者',
    'a+b',
    'a&name=root',
    '100%',
    'a b',
    '#/?;=',
    '__proto__',
    '\'"*~',
  ]) {
    test(`asks for ${JSON.stringify(name)} and for nobody else`, async () => {
      const meta = await node(knowsEverybody);
      expect((await client([meta]).user(name))?.name).toBe(name);
      expect([...(meta.requests[0]?.query ?? [])]).toEqual([['name', name]]);
    });
  }
});

describe('MetaClient', () => {
  test('asks the next node where the first is gone, and stays there', async () => {
    const [first, second] = [await node(knowsEverybody), await node(knowsEverybody)];
    const meta = client([first, second]);
    await meta.user('stan');
    await first.stop();
    for (let turn = 0; turn < 5; turn++) expect((await meta.user('stan'))?.name).toBe('stan');
    expect([first.requests.length, second.requests.length]).toEqual([1, 5]);
    expect(meta.nodes()[0]).toMatchObject({ node: first.url, attempts: 2, failures: 1 });
  });

  test('says that a password is right by 200, wrong by 401 and 403', async () => {
    const meta = await node(({ query }, response) => {
      response.statusCode = query.get('password') === 'right' ? 200 : 401;
      response.end();
    });
    const asked = client([meta]);
    expect(await asked.isAuthorized('stan', new Secret('right'))).toBe(true);
    expect(await asked.isAuthorized('stan', new Secret('wrong'))).toBe(false);
    expect(meta.requests.map(({ target }) => target)).toEqual([
      '/authorized?name=stan&password=right&permission=NoPermissions&resource=_',
      '/authorized?name=stan&password=wrong&permission=NoPermissions&resource=_',
    ]);
  });

  test('a node that is gone is a fault, within the time', async () => {
    const meta = await node(knowsEverybody);
    await meta.stop();
    expect(await kindOf(client([meta], { timeoutMs: 1_510 }).user('stan'))).toBe('unreachable');
  });
});
