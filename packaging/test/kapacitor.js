// @ts-check
// A little of Kapacitor at KAPACITOR_HTTP_BIND_ADDRESS: it answers anybody.
import { createServer } from 'node:http';

const [host = '', port = ''] = (process.env['KAPACITOR_HTTP_BIND_ADDRESS'] ?? ':9092').split(':');

createServer((request, response) => {
  request.resume().on('end', () => {
    const isNothing = /\/(?:ping|write)(?:\?|$)/.test(request.url ?? '');
    response.setHeader('X-Kapacitor-Version', '1.5.9');
    if (isNothing) response.writeHead(204).end();
    else response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"tasks":[]}\n');
  });
}).listen(Number(port), host === '' ? '::' : host);
