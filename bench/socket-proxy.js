// @ts-check
// The least that a proxy of Node's HTTP server can be without a client: a bare socket to the upstream, whose answers it
// barely looks at. It takes what fits into one piece, for small requests only.
import { createServer } from 'node:http';
import { connect } from 'node:net';

const [port, upstreamPort] = process.argv.slice(2);
const READ_BYTES = 64 * 1024;
/** @typedef {{ ask: (text: string, onAnswer: (head: string, body: string) => void) => void }} Line */
/** @type {Line[]} */
const idle = [];

createServer((request, response) => {
  const { method, url, rawHeaders } = request;
  let text = `${method} ${url} HTTP/1.1\r\n`;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    text += `${rawHeaders[index]}: ${rawHeaders[index + 1]}\r\n`;
  }
  if (method === 'GET') pass(response, `${text}\r\n`);
  else request.once('data', (body) => pass(response, `${text}\r\n${body.toString('latin1')}`));
}).listen(Number(port), '127.0.0.1');

/** @param {import('node:http').ServerResponse} response @param {string} text */
function pass(response, text) {
  const line = idle.pop() ?? open();
  line.ask(text, (head, body) => {
    idle.push(line);
    const [status = '', ...headers] = head.split('\r\n');
    response.writeHead(
      Number(status.slice(9, 12)),
      headers.flatMap((each) => each.split(': ')),
    );
    response.end(body, 'latin1');
  });
}

/** @returns {Line} */
function open() {
  /** @type {(head: string, body: string) => void} */
  let onAnswer = () => undefined;
  const socket = connect({
    port: Number(upstreamPort),
    host: '127.0.0.1',
    noDelay: true,
    onread: {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback: (length, bytes) => {
        const text = Buffer.from(bytes.buffer, 0, length).toString('latin1');
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
