// @ts-check
// The least that a proxy of Node's HTTP server and undici's client can be: no gate, no limit, no care for faults.
import { createServer } from 'node:http';
import { Client } from 'undici';

const [port, upstreamPort] = process.argv.slice(2);
const KEEP_ALIVE_MS = 60_000;
/** Each for one request at a time. @type {Client[]} */
const idle = [];

createServer((request, response) => {
  const client = idle.pop() ?? open();
  const { method = 'GET', url: path = '/', rawHeaders } = request;
  client.dispatch(
    { method, path, headers: withoutHost(rawHeaders), body: bodyOf(request) },
    {
      onConnect: () => undefined,
      onHeaders: (status, headers, resume, statusText) => {
        response.on('drain', resume);
        const texts = headers?.map((each) => each.toString('latin1')) ?? [];
        response.writeHead(status, statusText, texts);
        return true;
      },
      onData: (chunk) => response.write(chunk),
      onComplete: () => {
        response.end();
        idle.push(client);
      },
      onError: () => void response.destroy(),
    },
  );
}).listen(Number(port), '127.0.0.1');

function open() {
  const options = { pipelining: 1, keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: 0 };
  return new Client(`http://127.0.0.1:${upstreamPort}`, { ...options, bodyTimeout: 0 });
}

/** A small body that has come goes in one piece. @param {import('node:http').IncomingMessage} request */
function bodyOf(request) {
  const length = request.headers['content-length'];
  if (length === undefined) return null;
  return request.readableLength === Number(length) ? request.read() : request;
}

/** undici sets its own. @param {string[]} rawHeaders */
function withoutHost(rawHeaders) {
  const at = rawHeaders.findIndex((each, index) => index % 2 === 0 && /^host$/i.test(each));
  return at < 0 ? rawHeaders : rawHeaders.toSpliced(at, 2);
}
