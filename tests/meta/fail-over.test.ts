import { afterEach, describe, expect, test } from '@jest/globals';
import { Secret } from '../../src/kernel/secret.ts';
import type { MetaNodeState } from '../../src/meta/node.ts';
import { eventually } from '../support/eventually.ts';
import { knowsEverybody, saying } from './fake-node.ts';
import type { FakeNode, FakeNodeHandler } from './fake-node.ts';
import { createNodes } from './nodes.ts';
import { faultOf, kindOf } from './open-client.ts';

const { node, client, end } = createNodes();
afterEach(end);

const hangs: FakeNodeHandler = () => undefined;
/** Fails each call after one attempt, and counts against the node. */
const misleads = saying(307, '', { location: 'http://nowhere:1/user' });

describe('several meta nodes', () => {
  const FAILING: readonly (readonly [string, FakeNodeHandler])[] = [
    ['hangs', hangs],
    ['closes connections', (_request, response) => response.socket?.destroy()],
    ['answers 503', saying(503, '')],
    ['answers garbage', saying(200, 'garbage')],
    ['is another service', saying(404, '<html>')],
    ['redirects to nowhere', misleads],
  ];
  for (const [what, handler] of FAILING) {
    test(`one that ${what} costs one attempt, and then none`, async () => {
      const [bad, good] = [await node(handler), await node(knowsEverybody)];
      const asked = client([bad, good], { timeoutMs: 16_000 });
      for (let turn = 0; turn < 4; turn++) {
        expect((await asked.user('alice'))?.name).toBe('alice');
      }
      expect([bad.requests.length, good.requests.length]).toEqual([1, 4]);
    });
  }

  test('two that hang leave a third the time that it needs', async () => {
    const slow: FakeNodeHandler = (request, response) =>
      setTimeout(() => knowsEverybody(request, response), 300);
    const nodes = [await node(hangs), await node(hangs), await node(slow)];
    const asked = client(nodes, { timeoutMs: 12_000 });
    expect((await asked.user('alice'))?.name).toBe('alice');
    expect(nodes.map(({ requests }) => requests.length)).toEqual([1, 1, 1]);
  });

  test('a single one has all the time', async () => {
    const slow: FakeNodeHandler = (request, response) =>
      setTimeout(() => knowsEverybody(request, response), 700);
    const meta = await node(slow);
    expect((await client([meta], { timeoutMs: 20_000 }).user('alice'))?.name).toBe('alice');
    expect(meta.requests).toHaveLength(1);
  });

  test('the word of one is final: no other is asked whether a password is right', async () => {
    const [one, two] = [await node(saying(401, '')), await node(saying(200, ''))];
    one.answerBy((request, response) => {
      (request.path === '/user' ? knowsEverybody : saying(401, ''))(request, response);
    });
    const asked = client([one, two]);
    await asked.user('alice');
    expect(await asked.isAuthorized('alice', new Secret('wrong'))).toBe(false);
    expect([one.requests.length, two.requests.length]).toEqual([2, 0]);
  });

  test('when all fail, each is told of', async () => {
    const [one, two] = [await node(saying(503, '')), await node(saying(200, 'garbage'))];
    const fault = await faultOf(client([one, two], { timeoutMs: 1_510 }).user('alice'));
    expect(fault.kind).toBe('bad-answer');
    expect(fault.message).toContain(`meta node ${one.url} answers 503; meta node ${two.url}`);
  });

  test('the same address twice is one node', async () => {
    const meta = await node(knowsEverybody);
    expect(client([meta, meta]).nodes()).toHaveLength(1);
  });

  test('when the first is killed under load, no call fails', async () => {
    const [first, second] = [await node(knowsEverybody), await node(knowsEverybody)];
    const asked = client([first, second]);
    let stops = false;
    let calls = 0;
    const worker = async (index: number): Promise<void> => {
      while (!stops) {
        const name = `user-${index}-${++calls}`;
        expect((await asked.user(name))?.name).toBe(name);
      }
    };
    const workers = Array.from({ length: 20 }, (_, index) => worker(index));
    await eventually('calls to the first', () => first.requests.length > 200);
    await first.stop();
    await eventually('calls to the second', () => second.requests.length > 200);
    stops = true;
    await Promise.all(workers);
  });

  test('when the second dies under load and the first is back, no call fails', async () => {
    const [first, second] = [await node(misleads), await node(misleads)];
    let nowMs = 0;
    const asked = client([first, second], { now: () => nowMs });
    for (let turn = 0; turn < 3; turn++) await faultOf(asked.user('alice'));
    second.answerBy(knowsEverybody);
    nowMs += 500;
    await asked.user('alice');
    expect(asked.nodes().map(({ resting }) => resting)).toEqual([true, false]);
    first.answerBy(knowsEverybody);
    second.answerBy((_request, response) => response.socket?.destroy());
    nowMs += 5000;
    const users = await Promise.all(
      Array.from({ length: 50 }, (_, index) => asked.user(`user-${index}`)),
    );
    expect(users.map((user) => user?.name)).toEqual(users.map((_, index) => `user-${index}`));
  });
});

describe('a meta node that rests', () => {
  interface Resting {
    readonly meta: FakeNode;
    readonly asked: ReturnType<typeof client>;
    readonly changes: MetaNodeState[];
    readonly pass: (ms: number) => void;
  }

  /** Three calls of one attempt each have failed. */
  async function resting(handler = misleads, timeoutMs = 20_000): Promise<Resting> {
    let nowMs = 1_000_000;
    const changes: MetaNodeState[] = [];
    const meta = await node(handler);
    const asked = client([meta], {
      timeoutMs,
      now: () => nowMs,
      onNodeChange: (state) => changes.push(state),
    });
    for (let turn = 0; turn < 3; turn++) await faultOf(asked.user('alice'));
    return { meta, asked, changes, pass: (ms) => (nowMs += ms) };
  }

  test('is not asked: calls fail at once, and say what was wrong', async () => {
    const { meta, asked, changes } = await resting();
    expect(meta.requests).toHaveLength(3);
    const fault = await faultOf(asked.user('alice'));
    expect(fault.kind).toBe('resting');
    expect(fault.message).toContain(
      `no meta node is asked for a moment: meta node ${meta.url} redirects to http://nowhere:1`,
    );
    expect(meta.requests).toHaveLength(3);
    expect(changes).toMatchObject([{ node: meta.url, resting: true }]);
  });

  test('is tried after 0.5, 1, 2, 4, 5 and 5 seconds, by one call', async () => {
    const { meta, asked, changes, pass } = await resting();
    for (const restMs of [500, 1000, 2000, 4000, 5000, 5000]) {
      const before = meta.requests.length;
      pass(restMs - 1);
      expect(await kindOf(asked.user('alice'))).toBe('resting');
      expect(meta.requests).toHaveLength(before);
      pass(1);
      expect(await kindOf(asked.user('alice'))).toBe('redirect');
      expect(meta.requests).toHaveLength(before + 1);
    }
    expect(changes).toHaveLength(1);
  });

  test('is not tried by two at once', async () => {
    const { meta, asked, pass } = await resting(misleads, 1500);
    meta.answerBy(hangs);
    pass(500);
    const calls = Array.from({ length: 20 }, () => kindOf(asked.user('alice')));
    expect((await Promise.all(calls)).sort()).toEqual([
      ...Array.from({ length: 19 }, () => 'resting'),
      'timeout',
    ]);
    expect(meta.requests).toHaveLength(4);
  });

  test('answers those, too, who came while it was tried', async () => {
    const { meta, asked, changes, pass } = await resting();
    meta.answerBy(knowsEverybody);
    pass(500);
    const names = Array.from({ length: 20 }, (_, index) => `user-${index}`);
    const users = await Promise.all(names.map((name) => asked.user(name)));
    expect(users.map((user) => user?.name)).toEqual(names);
    expect(changes.map((change) => change.resting)).toEqual([true, false]);
  });

  test('begins anew once it has answered', async () => {
    const { meta, asked, changes, pass } = await resting();
    pass(500);
    await faultOf(asked.user('alice'));
    meta.answerBy(knowsEverybody);
    pass(1000);
    expect((await asked.user('alice'))?.name).toBe('alice');
    expect(asked.nodes()).toMatchObject([{ resting: false, lastFault: undefined, failures: 4 }]);
    meta.answerBy(misleads);
    for (let turn = 0; turn < 3; turn++) {
      expect(await kindOf(asked.user('alice'))).toBe('redirect');
    }
    expect(await kindOf(asked.user('alice'))).toBe('resting');
    pass(500);
    expect(await kindOf(asked.user('alice'))).toBe('redirect');
    expect(changes.map(({ resting: rests }) => rests)).toEqual([true, false, true]);
  });

  test('is tried, too, where the clock was set back', async () => {
    const { meta, asked, pass } = await resting();
    meta.answerBy(knowsEverybody);
    pass(-3_600_000);
    expect((await asked.user('alice'))?.name).toBe('alice');
  });

  test('was not made to rest by refusals of users and of credentials', async () => {
    const { meta, asked, pass } = await resting(saying(401, ''));
    pass(0);
    expect(await kindOf(asked.user('alice'))).toBe('credentials');
    expect(meta.requests).toHaveLength(4);
  });

  test('a call that was under way when it began to rest goes on to the end of its time', async () => {
    const meta = await node(saying(503, ''));
    const asked = client([meta]);
    const call = asked.user('alice');
    await eventually('it rests', () => asked.nodes()[0]?.resting === true);
    expect(await kindOf(asked.user('bob'))).toBe('resting');
    meta.answerBy(knowsEverybody);
    expect((await call)?.name).toBe('alice');
  });

  test('is back within seconds by the real clock', async () => {
    const meta = await node(saying(503, ''));
    const asked = client([meta], { timeoutMs: 510 });
    await faultOf(asked.user('alice'));
    expect(await kindOf(asked.user('alice'))).toBe('resting');
    meta.answerBy(knowsEverybody);
    await eventually('it is asked again', async () => {
      const alice = await asked.user('alice').catch(() => undefined);
      return alice?.name === 'alice';
    });
  });
});

describe('MetaClient.close', () => {
  test('ends calls under way, in an attempt and in a pause, and closes connections', async () => {
    const [slow, bad] = [await node(hangs), await node(saying(503, ''))];
    const [waiting, pausing] = [client([slow]), client([bad])];
    const calls = [kindOf(waiting.user('a')), kindOf(pausing.user('a'))];
    await eventually('both were asked', () => slow.requests.length + bad.requests.length > 1);
    waiting.close();
    pausing.close();
    expect(await Promise.all(calls)).toEqual(['unreachable', 'unreachable']);
    expect((await faultOf(waiting.user('a'))).message).toContain('the gateway is stopping');
    await eventually(
      'no connection is open',
      () => slow.openConnections + bad.openConnections === 0,
    );
    expect(slow.requests).toHaveLength(1);
    expect(waiting.nodes()).toMatchObject([{ failures: 0 }]);
  });
});

describe('connections to meta nodes', () => {
  test('are kept: fifty calls one after the other need one', async () => {
    const meta = await node(knowsEverybody);
    const asked = client([meta]);
    for (let turn = 0; turn < 50; turn++) await asked.user('alice');
    expect(meta.connections).toBe(1);
  });

  test('are few: five hundred calls at once need thirty-two', async () => {
    const meta = await node(knowsEverybody);
    const asked = client([meta]);
    await Promise.all(Array.from({ length: 500 }, (_, index) => asked.user(`user-${index}`)));
    expect(meta.requests).toHaveLength(500);
    expect(meta.connections).toBeLessThanOrEqual(32);
  });

  test('take a bounded number of calls', async () => {
    const meta = await node(hangs);
    const asked = client([meta], { timeoutMs: 10_000 });
    const calls = Array.from({ length: 1024 }, () => kindOf(asked.user('alice')));
    expect(await kindOf(asked.user('bob'))).toBe('busy');
    asked.close();
    await Promise.all(calls);
  });

  test('that were closed for being idle cost no failure', async () => {
    const meta = await node(knowsEverybody);
    const asked = client([meta]);
    await asked.user('alice');
    let calls = 0;
    // The request is read from the kept connection, which is reset before any answer.
    meta.answerBy((request, response) => {
      if (++calls === 1) response.socket?.resetAndDestroy();
      else knowsEverybody(request, response);
    });
    expect((await asked.user('alice'))?.name).toBe('alice');
    expect(asked.nodes()).toMatchObject([{ attempts: 2, failures: 0 }]);
  });

  test('do not go through a proxy of the environment', async () => {
    const [proxy, meta] = [await node(knowsEverybody), await node(knowsEverybody)];
    const names = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'];
    for (const name of names) process.env[name] = name.startsWith('NODE') ? '1' : proxy.url;
    try {
      expect((await client([meta]).user('alice'))?.name).toBe('alice');
    } finally {
      for (const name of names) Reflect.deleteProperty(process.env, name);
    }
    expect(proxy.connections).toBe(0);
  });

  test('bring no cookie back', async () => {
    const meta = await node((request, response) => {
      response.setHeader('set-cookie', 'a=b');
      knowsEverybody(request, response);
    });
    const asked = client([meta]);
    await asked.user('alice');
    await asked.user('alice');
    expect(meta.requests[1]?.headers).not.toHaveProperty('cookie');
  });
});
