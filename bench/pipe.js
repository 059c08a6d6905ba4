// @ts-check
// The least that Node can do with what goes through it: two sockets, tied together, and nothing is read of it.
import { connect, createServer } from 'node:net';

const [port, upstreamPort] = process.argv.slice(2);

createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
  const upstream = connect({
    port: Number(upstreamPort),
    host: '127.0.0.1',
    noDelay: true,
    allowHalfOpen: true,
  });
  client.on('error', () => upstream.destroy()).pipe(upstream);
  upstream.on('error', () => client.destroy()).pipe(client);
}).listen(Number(port), '127.0.0.1');
