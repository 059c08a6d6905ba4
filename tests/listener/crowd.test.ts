import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { expectNoAccidents } from '../support/accidents.ts';
import { eventually } from '../support/eventually.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import type { RawConnection } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';

const MAX = 8;
const TASKS = requestText('GET', '/kapacitor/v1/tasks', [as('ann')]);
const NOBODY = requestText('GET', '/kapacitor/v1/tasks');

let upstream: RecordingUpstream;
let gateway: OpenGateway;
let opened: Client[];

interface Client extends RawConnection {
  readonly isOpen: () => boolean;
}

expectNoAccidents();

beforeEach(async () => {
  opened = [];
  upstream = await startRecordingUpstream(answering(200, {}, 'tasks'));
  gateway = await openGateway({
    upstream: upstream.url,
    env: { KAPGATE_LIMITS_MAX_CONNECTIONS: String(MAX) },
  });
});

afterEach(async () => {
  for (const connection of opened) connection.destroy();
  await gateway.stop();
  await upstream.stop();
});

async function connect(): Promise<Client> {
  const connection = await openRawConnection(gateway.port);
  let isOpen = true;
  const end = (): void => void (isOpen = false);
  connection.socket.on('end', end).on('error', end).on('close', end);
  const client = Object.assign(connection, { isOpen: () => isOpen });
  opened.push(client);
  // In this order at the gateway too.
  await sleep(5);
  return client;
}

async function ask(client: Client, text: string, status: number): Promise<void> {
  client.send(text);
  expect((await client.receive()).status).toBe(status);
}

function open(): readonly boolean[] {
  return opened.map((each) => each.isOpen());
}

function times<T>(count: number, value: T): readonly T[] {
  return Array.from({ length: count }, () => value);
}

describe('above max-connections', () => {
  test('the one goes that was idle for longest and never logged in, and the newcomer stays', async () => {
    for (let count = 0; count < MAX; count++) await connect();
    await ask(await connect(), TASKS, 200);
    await eventually('the first is closed', () => opened[0]?.isOpen() === false);
    expect(open()).toEqual([false, ...times(MAX, true)]);
  });

  test('one that logged in once is never closed, however long it is idle', async () => {
    const writer = await connect();
    await ask(writer, TASKS, 200);
    await ask(writer, NOBODY, 401);
    for (let count = 0; count < MAX * 5; count++) await connect();
    await eventually('strangers are closed', () => open().filter(Boolean).length === MAX);
    expect(writer.isOpen()).toBe(true);
    await ask(writer, TASKS, 200);
  });

  test('who was refused, half a head and a free ping are no login', async () => {
    const [refused, half, ping] = [await connect(), await connect(), await connect()];
    await ask(refused, NOBODY, 401);
    half.send('GET / HTTP/1.1\r\nHost:');
    await ask(ping, requestText('OPTIONS', '/kapacitor/v1/ping'), 200);
    await sleep(20);
    for (let count = 0; count < MAX; count++) await connect();
    await eventually('they are closed', () => open().filter(Boolean).length === MAX);
    expect(open()).toEqual([...times(3, false), ...times(MAX, true)]);
  });

  test('a request brings its connection to the end of the line', async () => {
    for (let count = 0; count < MAX; count++) await connect();
    await ask(opened[0] ?? (await connect()), NOBODY, 401);
    await sleep(20);
    await connect();
    await eventually('one is closed', () => open().includes(false));
    expect(open().indexOf(false)).toBe(1);
  });

  test('a request under way is never broken off', async () => {
    let finish: () => void = () => undefined;
    upstream.answerBy((_, response) => {
      finish = () => void response.end('late');
    });
    const busy = await connect();
    busy.send(TASKS);
    await eventually('it is upstream', () => upstream.requests.length === 1);
    for (let count = 0; count < MAX * 2; count++) await connect();
    await sleep(50);
    finish();
    expect((await busy.receive()).body.toString()).toBe('late');
  });

  test('where all have logged in, the newcomer is closed: the bound is hard', async () => {
    for (let count = 0; count < MAX; count++) await ask(await connect(), TASKS, 200);
    for (let count = 0; count < 5; count++) {
      const late = await connect();
      await eventually('the newcomer is closed', () => !late.isOpen());
    }
    expect(open().slice(0, MAX)).toEqual(times(MAX, true));
    opened[0]?.destroy();
    await sleep(50);
    expect((await exchange(gateway.port, TASKS)).status).toBe(200);
  });

  test('the log says it once', async () => {
    for (let count = 0; count < MAX * 4; count++) await connect();
    const said = gateway.lines.filter(({ message }) => message.startsWith('too many connections'));
    expect(said).toEqual([
      {
        level: 'warn',
        message: 'too many connections: the longest idle ones that never logged in are closed',
        fields: { 'max-connections': MAX, closed: 1 },
      },
    ]);
  });
});
