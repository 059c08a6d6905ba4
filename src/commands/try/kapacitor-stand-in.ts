import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A little of Kapacitor, for trying the gateway where there is none: ping, write, tasks, config, nothing kept. */
export interface StandIn {
  readonly url: string;
  stop(): Promise<void>;
}

interface Task {
  readonly id: string;
  readonly [field: string]: unknown;
}

interface State {
  readonly tasks: Map<string, Task>;
  points: number;
}

const TASKS = '/kapacitor/v1/tasks';
const HEADERS = {
  'X-Kapacitor-Version': 'stand-in',
  'Content-Type': 'application/json; charset=utf-8',
} as const;

/** Starts it on a free port of 127.0.0.1. */
export async function startKapacitorStandIn(): Promise<StandIn> {
  const state: State = { tasks: new Map(), points: 0 };
  const server = createServer((request, response) => {
    answer(state, request, response).catch(() => {
      response.destroy();
    });
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      resolve(portOf(server.address()));
    });
  });
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function answer(
  state: State,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request);
  const path = (request.url ?? '').split('?')[0] ?? '';
  switch (`${request.method ?? ''} ${path}`) {
    case 'GET /kapacitor/v1/ping':
    case 'HEAD /kapacitor/v1/ping':
      response.writeHead(204, HEADERS).end();
      return;
    case 'POST /write':
    case 'POST /kapacitor/v1/write':
      state.points += body.split('\n').filter((line) => line !== '').length;
      response.writeHead(204, HEADERS).end();
      return;
    case 'GET /kapacitor/v1/debug/vars':
      sendJson(response, 200, { points_received: state.points, num_tasks: state.tasks.size });
      return;
    case 'GET /kapacitor/v1/config':
      sendJson(response, 200, { sections: {} });
      return;
    case `GET ${TASKS}`:
      sendJson(response, 200, { tasks: [...state.tasks.values()] });
      return;
    case `POST ${TASKS}`:
      defineTask(state, body, response);
      return;
    default:
      oneTask(state, request.method ?? '', path, response);
  }
}

function defineTask(state: State, body: string, response: ServerResponse): void {
  const task = parseTask(body);
  if (task === undefined) {
    sendError(response, 400, 'invalid JSON');
    return;
  }
  state.tasks.set(task.id, task);
  sendJson(response, 200, task);
}

function oneTask(state: State, method: string, path: string, response: ServerResponse): void {
  const id = path.startsWith(`${TASKS}/`) ? decodeURIComponent(path.slice(TASKS.length + 1)) : '';
  if (id !== '' && method === 'DELETE') {
    state.tasks.delete(id);
    response.writeHead(204, HEADERS).end();
    return;
  }
  const task = method === 'GET' ? state.tasks.get(id) : undefined;
  if (task !== undefined) sendJson(response, 200, task);
  else sendError(response, 404, id === '' ? 'Not Found' : 'no task exists');
}

function parseTask(body: string): Task | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed !== 'object' || parsed === null || !('id' in parsed)) return undefined;
    return typeof parsed.id === 'string' ? { ...parsed, id: parsed.id } : undefined;
  } catch {
    return undefined;
  }
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, HEADERS).end(`${JSON.stringify(value, undefined, 4)}\n`);
}

function sendError(response: ServerResponse, status: number, message: string): void {
  sendJson(response, status, { error: message, message });
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
  return body;
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}
