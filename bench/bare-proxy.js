// @ts-check
// What the gateway's work costs at the least: a server of node:http that judges nothing. It answers by itself, or asks an
// upstream through undici, or over a socket whose answers it barely looks at: of known length, in one piece.
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { Client } from 'undici';

const [kind = '', port, upstreamPort] = process.argv.slice(2);
const TASKS = JSON.stringify({ tasks: [] });

/** @typedef {import('node:http').IncomingMessage} Request */
/** @typedef {import('node:http').ServerResponse} Response */
/** @typedef {(request: Request, response: Response, body: Buffer | null) => void} Answerer */

/** @type {Record<string, Answerer>} */
const ANSWERERS = { itself: answer, undici: askByUndici, socket: askBySocket };
const answerer = ANSWERERS[kind];
if (answerer === undefined) throw new Error(`one of ${Object.keys(ANSWERERS).join(', ')}`);

createServer((request, response) => {
  if (request.method === 'GET') answerer(request, response, null);
  else request.once('data', (body) => answerer(request, response, body));
}).listen(Number(port), '127.0.0.1');

/** @type {Answerer} */
function answer(request, response) {
  if (request.method === 'POST') response.writeHead(204).end();
  else response.writeHead(200, { 'Content-Length': TASKS.length }).end(TASKS, 'latin1');
}

/** @type {Client[]} */
const clients = [];

/** @type {Answerer} */
function askByUndici({ method = '', url: path = '' }, response, body) {
  const client = clients.pop() ?? new Client(`http://127.0.0.1:${upstreamPort}`, { pipelining: 1 });
  /** @type {import('undici').Dispatcher.DispatchHandler} */
  const handler = {
    onConnect: () => undefined,
    onHeaders: (status, headers) => {
      response.writeHead(
        status,
        headers.map((each) => each.toString('latin1')),
      );
      return true;
    },
    onData: (chunk) => response.write(chunk.toString('latin1'), 'latin1'),
    onComplete: () => {
      clients.push(client);
      response.end();
    },
    onError: () => response.destroy(),
  };
  client.dispatch(
    { method: /** @type {import('undici').Dispatcher.HttpMethod} */ (method), path, body },
    handler,
  );
}

/** @typedef {{ ask: (text: string, onAnswer: (head: string, body: string) => void) => void }} Line */
/** @type {Line[]} */
const lines = [];

/** @type {Answerer} */
function askBySocket({ method, url }, response, body) {
  const line = lines.pop() ?? openLine();
  const length = body === null ? '' : `Content-Length: ${body.length}\r\n`;
  const head = `${method} ${url} HTTP/1.1\r\nHost: 127.0.0.1\r\n${length}\r\n`;
  line.ask(`${head}${body === null ? '' : body.latin1Slice()}`, (answered, text) => {
    lines.push(line);
    const [status = '', ...headers] = answered.split('\r\n');
    response.writeHead(
      Number(status.slice(9, 12)),
      headers.flatMap((each) => {
        const colon = each.indexOf(':');
        return [each.slice(0, colon), each.slice(colon + 2)];
      }),
    );
    if (text !== '') response.write(text, 'latin1');
    response.end();
  });
}

/** @returns {Line} */
function openLine() {
  /** @type {(head: string, body: string) => void} */
  let onAnswer = () => undefined;
  const socket = connect({
    port: Number(upstreamPort),
    host: '127.0.0.1',
    noDelay: true,
    onread: {
      buffer: Buffer.allocUnsafeSlow(65536),
      callback: (size, buffer) => {
        const text = /** @type {Buffer} */ (buffer).latin1Slice(0, size);
        const end = text.indexOf('\r\n\r\n');
        onAnswer(text.slice(0, end), text.slice(end + 4));
        return true;
      },
    },
  });
  return {
    ask: (text, then) => {
      onAnswer = then;
      socket.write(text, 'latin1');
    },
  };
}
