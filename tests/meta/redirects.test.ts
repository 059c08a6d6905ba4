import { afterEach, describe, expect, test } from '@jest/globals';
import { Secret } from '../../src/kernel/secret.ts';
import { knowsEverybody, saying } from './fake-node.ts';
import type { FakeNodeHandler } from './fake-node.ts';
import { createNodes } from './nodes.ts';
import { faultOf } from './open-client.ts';

const { node, client, end } = createNodes();
afterEach(end);

const OWN = { username: 'gate', password: new Secret('CANARY') };

function to(location: string, status = 307): FakeNodeHandler {
  return saying(status, '<a>Temporary Redirect</a>', { location });
}

describe('a redirect without TLS', () => {
  test('is followed to a node of meta-addr, with credentials and the same question', async () => {
    const leader = await node(knowsEverybody);
    const follower = await node(to(`${leader.url}/user?name=root`));
    const user = await client([follower, leader], OWN).user('a b');
    expect(user?.name).toBe('a b');
    const [asked] = leader.requests;
    expect(asked?.target).toBe('/user?name=a%20b');
    expect(asked?.headers.authorization).toBe(follower.requests[0]?.headers.authorization);
    expect(asked?.headers.authorization).toMatch(/^Basic /);
  });

  test('may lead to further nodes that are named, which are not asked otherwise', async () => {
    const leader = await node(knowsEverybody);
    const follower = await node(to(`${leader.url}/user`));
    const asked = client([follower], { redirectsTo: [leader.address] });
    expect((await asked.user('alice'))?.name).toBe('alice');
    follower.answerBy(saying(503, ''));
    await faultOf(
      client([follower], { redirectsTo: [leader.address], timeoutMs: 1_510 }).user('bob'),
    );
    expect(leader.requests).toHaveLength(1);
  });

  test('may be relative', async () => {
    let calls = 0;
    const meta = await node((request, response) => {
      (++calls === 1 ? to('/user') : knowsEverybody)(request, response);
    });
    expect((await client([meta]).user('alice'))?.name).toBe('alice');
    expect(meta.requests.map(({ target }) => target)).toEqual([
      '/user?name=alice',
      '/user?name=alice',
    ]);
  });

  test('goes nowhere else: nothing arrives there, and no credential', async () => {
    const foreign = await node(knowsEverybody);
    for (const location of [
      `${foreign.url}/user?name=alice`,
      `//${foreign.address}/user`,
      `\\\\${foreign.address}\\user`,
      `http://known@${foreign.address}/user`,
      ` ${foreign.url}/user`,
    ]) {
      const meta = await node(to(location));
      const asked = client([meta], OWN);
      const fault = await faultOf(asked.user('alice'));
      expect(fault.kind).toBe('redirect');
      expect(fault.message).toContain(
        `meta node ${meta.url} redirects to ${foreign.url}, which gets no credentials: add it to meta-addr`,
      );
      expect(fault.message).not.toContain('CANARY');
      expect(meta.requests).toHaveLength(1);
    }
    expect(foreign.connections).toBe(0);
  });

  test('to another port of a known host is one to a foreign host', async () => {
    const foreign = await node(knowsEverybody);
    const meta = await node(to(`http://127.0.0.1:${foreign.address.split(':')[1] ?? ''}/user`));
    expect((await faultOf(client([meta]).user('alice'))).kind).toBe('redirect');
    expect(foreign.connections).toBe(0);
  });

  interface Case {
    readonly what: string;
    readonly location: (own: string) => string;
    readonly status?: number;
    readonly message: string;
  }
  const REFUSED: readonly Case[] = [
    {
      what: 'to another scheme',
      location: (own) => `${own.replace('http:', 'https:')}/user`,
      message: 'with another scheme: check meta-use-tls',
    },
    {
      what: 'to what is no HTTP',
      location: () => 'ftp://leader/user',
      message: 'with another scheme',
    },
    {
      what: 'to another path',
      location: (own) => `${own}/login?back=/user`,
      message: 'and not to the same path',
    },
    { what: 'to no URL', location: () => 'http://[', message: 'without saying where to' },
    ...[300, 301, 302, 303, 308].map((status) => ({
      what: `by ${status}`,
      location: (own: string) => `${own}/user`,
      status,
      message: `redirects by ${status}, where a meta node uses 307`,
    })),
  ];
  for (const { what, location, status, message } of REFUSED) {
    test(`${what} is not followed`, async () => {
      const meta = await node((request, response) => {
        to(location(meta.url), status)(request, response);
      });
      const fault = await faultOf(client([meta], OWN).user('alice'));
      expect(fault).toMatchObject({ kind: 'redirect', message: expect.stringContaining(message) });
      expect(meta.requests).toHaveLength(1);
    });
  }

  test('without a location is not followed', async () => {
    const meta = await node(saying(307, ''));
    const fault = await faultOf(client([meta]).user('alice'));
    expect(fault.message).toContain('without saying where to');
  });

  test('is followed five times, and not a sixth', async () => {
    let redirects = 5;
    const meta = await node((request, response) => {
      (redirects-- > 0 ? to('/user') : knowsEverybody)(request, response);
    });
    expect((await client([meta]).user('alice'))?.name).toBe('alice');
    expect(meta.requests).toHaveLength(6);
    redirects = 6;
    const fault = await faultOf(client([meta]).user('alice'));
    expect(fault).toMatchObject({
      kind: 'redirect',
      message: `meta node ${meta.url} redirects more than 5 times: no node seems to lead`,
    });
    expect(meta.requests).toHaveLength(12);
  });

  test('in a circle ends, and each node is asked for its own way once', async () => {
    const [one, two] = [await node(knowsEverybody), await node(knowsEverybody)];
    one.answerBy(to(`${two.url}/user`));
    two.answerBy(to(`${one.url}/user`));
    const fault = await faultOf(client([one, two]).user('alice'));
    expect(fault.kind).toBe('redirect');
    expect(one.requests.length + two.requests.length).toBe(12);
  });

  test('that leads nowhere is no fault while another node answers', async () => {
    const [lost, leader] = [await node(to('http://leader:8091/user')), await node(knowsEverybody)];
    expect((await client([lost, leader]).user('alice'))?.name).toBe('alice');
    expect([lost.requests.length, leader.requests.length]).toEqual([1, 1]);
  });
});
