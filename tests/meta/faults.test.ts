import { afterEach, describe, expect, test } from '@jest/globals';
import { inspect } from 'node:util';
import { Secret } from '../../src/kernel/secret.ts';
import type { MetaFaultKind } from '../../src/meta/fault.ts';
import { eventually } from '../support/eventually.ts';
import { saying } from './fake-node.ts';
import type { FakeNodeHandler } from './fake-node.ts';
import { createNodes } from './nodes.ts';
import { faultOf, openClient } from './open-client.ts';

const { node, client, later, end } = createNodes();
afterEach(end);

/** More than the attempts take: the node rests after them, until the next pause is too long. */
const BUDGET_MS = 1_510;
/** Generous: the machine may be busy. */
const SLACK_MS = 15_000;
/** At 0, 20 and 120 ms. */
const ATTEMPTS_WITHIN_BUDGET = 3;
/** After the rest of half a second: on a busy machine the pause before it may be as long. */
const ATTEMPTS_AFTER_REST = 1;

const PASSWORD = 'CANARY-päss&w+rd%';
const ALICE = JSON.stringify({ users: [{ name: 'alice' }] });

interface Case {
  readonly what: string;
  readonly handler: FakeNodeHandler;
  readonly kind: MetaFaultKind;
  readonly calls: number;
  readonly message: string;
}

/** The raw bytes of an answer; then the connection ends. */
function bytes(text: string): FakeNodeHandler {
  return (_request, response) => response.socket?.end(text);
}

const CASES: readonly Case[] = [
  {
    what: 'a node that never answers',
    handler: () => undefined,
    kind: 'timeout',
    calls: 1,
    message: 'did not answer within 1.51 s',
  },
  {
    what: 'an answer that comes byte by byte',
    handler: (_request, response) => {
      response.writeHead(200, { 'content-length': 100_000 });
      const timer = setInterval(() => response.write(' '), 5);
      response.on('close', () => clearInterval(timer));
    },
    kind: 'timeout',
    calls: 1,
    message: 'did not answer within 1.51 s',
  },
  {
    what: 'a head that comes byte by byte',
    handler: (_request, response) => {
      response.socket?.write('HTTP/1.1 200 OK\r\nX: ');
      const timer = setInterval(() => response.socket?.write('x'), 5);
      response.socket?.on('close', () => clearInterval(timer));
    },
    kind: 'timeout',
    calls: 1,
    message: 'did not answer within 1.51 s',
  },
  {
    what: 'a connection that is closed without an answer',
    handler: (_request, response) => response.socket?.destroy(),
    kind: 'unreachable',
    calls: ATTEMPTS_WITHIN_BUDGET,
    message: 'cannot be reached: ECONNRESET',
  },
  ...[500, 502, 503, 504].map((status): Case => ({
    what: `a ${status}`,
    handler: saying(status, { error: 'node is not ready' }),
    kind: 'server-error',
    calls: ATTEMPTS_WITHIN_BUDGET,
    message: `answers ${status}`,
  })),
  {
    what: 'HTML',
    handler: saying(200, '<html>Welcome to nginx!</html>'),
    kind: 'bad-answer',
    calls: ATTEMPTS_WITHIN_BUDGET,
    message: 'no answer of a meta node: check meta-addr',
  },
  {
    what: 'half of the JSON',
    handler: saying(200, ALICE.slice(0, -3)),
    kind: 'bad-answer',
    calls: ATTEMPTS_WITHIN_BUDGET,
    message: 'no answer of a meta node',
  },
  {
    what: 'a gzip that nobody asked for',
    handler: saying(200, '\u001f\u008b\b\u0000', { 'content-encoding': 'gzip' }),
    kind: 'bad-answer',
    calls: ATTEMPTS_WITHIN_BUDGET,
    message: 'no answer of a meta node',
  },
  {
    what: 'an answer that is cut before its Content-Length',
    handler: bytes(`HTTP/1.1 200 OK\r\nContent-Length: ${ALICE.length + 1}\r\n\r\n${ALICE}`),
    kind: 'bad-answer',
    calls: ATTEMPTS_WITHIN_BUDGET,
    message: 'broke off its answer: ECONNRESET',
  },
  {
    what: 'an answer whose last chunk is missing',
    handler: bytes(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${ALICE.length.toString(16)}\r\n${ALICE}\r\n`,
    ),
    kind: 'bad-answer',
    calls: ATTEMPTS_WITHIN_BUDGET,
    message: 'broke off its answer: ECONNRESET',
  },
  {
    what: 'bytes that are no HTTP',
    handler: bytes('SSH-2.0-OpenSSH_9.6\r\n'),
    kind: 'bad-answer',
    calls: ATTEMPTS_WITHIN_BUDGET,
    message: 'does not speak HTTP: check meta-addr',
  },
  {
    what: 'a head without an end',
    handler: bytes(`HTTP/1.1 200 OK\r\n${'X-Filler: yes\r\n'.repeat(10_000)}`),
    kind: 'bad-answer',
    calls: ATTEMPTS_WITHIN_BUDGET,
    message: 'does not speak HTTP',
  },
  {
    what: 'an upgrade that nobody asked for',
    handler: bytes('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
    kind: 'bad-answer',
    calls: ATTEMPTS_WITHIN_BUDGET,
    message: 'does not speak HTTP: check meta-addr (UPGRADED)',
  },
  {
    what: 'a 204',
    handler: saying(204, ''),
    kind: 'bad-answer',
    calls: ATTEMPTS_WITHIN_BUDGET,
    message: 'answers 204, where 200 was expected',
  },
];

describe('a meta node that fails', () => {
  for (const { what, handler, kind, calls, message } of CASES) {
    test(`by ${what} is a ${kind}, within the time`, async () => {
      const meta = await node(handler);
      const asked = client([meta], { timeoutMs: BUDGET_MS });
      const startMs = performance.now();
      const fault = await faultOf(asked.user('alice'));
      expect(performance.now() - startMs).toBeLessThan(BUDGET_MS + SLACK_MS);
      expect(fault.kind).toBe(kind);
      expect(fault.message).toContain(message);
      expect(fault.message).toContain(meta.url);
      expect(meta.requests.length).toBeGreaterThanOrEqual(calls);
      const most = calls === 1 ? 1 : calls + ATTEMPTS_AFTER_REST;
      expect(meta.requests.length).toBeLessThanOrEqual(most);
    });

    test(`by ${what} never says "wrong password", and no password is told`, async () => {
      const meta = await node(handler);
      const asked = client([meta], { timeoutMs: BUDGET_MS });
      const fault = await faultOf(asked.isAuthorized('alice', new Secret(PASSWORD)));
      expect(fault.kind).toBe(kind);
      expect(meta.requests[0]?.query.get('password')).toBe(PASSWORD);
      expectNoCanary(fault, asked.nodes());
    });
  }

  test('by an answer without an end is a bad answer, and is not read', async () => {
    let sent = 0;
    const meta = await node((_request, response) => {
      const filler = Buffer.alloc(64 * 1024, ' ');
      const more = (): void => {
        while (!response.destroyed && response.write(filler)) sent += filler.length;
      };
      response.on('drain', more);
      more();
    });
    const fault = await faultOf(client([meta], { timeoutMs: 10_000 }).user('alice'));
    expect(fault).toMatchObject({
      kind: 'bad-answer',
      message: expect.stringContaining('answers more than the gateway reads'),
    });
    expect(meta.requests).toHaveLength(1);
    // 4 MiB, and what was on its way.
    expect(sent).toBeLessThan(32 * 1024 * 1024);
  });

  test('by refusing connections is unreachable, and its code is told', async () => {
    const meta = await node(() => undefined);
    await meta.stop();
    const asked = client([meta], { timeoutMs: BUDGET_MS });
    const fault = await faultOf(asked.isAuthorized('alice', new Secret(PASSWORD)));
    expect(fault.kind).toBe('unreachable');
    expect(fault.message).toBe(`meta node ${meta.url} cannot be reached: ECONNREFUSED`);
    expectNoCanary(fault, asked.nodes());
  });

  test('by a name that is not known is unreachable', async () => {
    const asked = openClient(['no-such-host.invalid:8091'], { timeoutMs: BUDGET_MS });
    later(() => asked.close());
    expect((await faultOf(asked.user('alice'))).message).toMatch(
      /^meta node http:\/\/no-such-host\.invalid:8091 (?:cannot be reached: E[A-Z_]+|did not answer)/,
    );
  });

  test('and comes back within a call is not noticed', async () => {
    let answers = 0;
    const meta = await node((request, response) => {
      (++answers < 3 ? saying(503, '') : saying(200, ALICE))(request, response);
    });
    expect((await client([meta]).user('alice'))?.name).toBe('alice');
    expect(answers).toBe(3);
  });

  const STUCK: readonly (readonly [string, FakeNodeHandler])[] = [
    ['no answer', () => undefined],
    ['half an answer', (_request, response) => response.write('{')],
    [
      'an upgrade',
      (_request, response) =>
        response.socket?.write(
          'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
        ),
    ],
  ];
  for (const [what, handler] of STUCK) {
    test(`leaves no connection open behind ${what}`, async () => {
      const meta = await node(handler);
      await faultOf(client([meta], { timeoutMs: 200 }).user('alice'));
      await eventually('the connection is closed', () => meta.openConnections === 0);
    });
  }
});

function expectNoCanary(...values: readonly unknown[]): void {
  const inspected = values.map((value) => {
    const shown = [inspect(value, { depth: 10, showHidden: true })];
    if (value instanceof Error) shown.push(String(value.stack), JSON.stringify(value));
    return shown.join('\n');
  });
  const base64 = Buffer.from(PASSWORD).toString('base64');
  for (const form of [PASSWORD, encodeURIComponent(PASSWORD), 'CANARY', base64]) {
    expect(inspected.join('\n')).not.toContain(form);
  }
}
