// @ts-check
// What an operator would write with http-proxy in an hour: Basic against bcrypt hashes, verified ones remembered.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { Agent } from 'node:http';
import bcrypt from 'bcrypt';
import httpProxy from 'http-proxy';

const [port, upstreamPort, ...users] = process.argv.slice(2);
/** @type {Map<string | undefined, string>} */
const hashes = new Map();
for (const user of users) {
  const [name, password] = user.split(':');
  hashes.set(name, await bcrypt.hash(password ?? '', 10));
}
const agent = new Agent({ keepAlive: true, maxSockets: 256 });
const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${upstreamPort}`, agent });
const verified = new Set();

/** @param {string} authorization */
async function isAllowed(authorization) {
  const key = createHash('sha256').update(authorization).digest('base64');
  if (verified.has(key)) return true;
  const [name, given] = Buffer.from(authorization.slice('Basic '.length), 'base64')
    .toString()
    .split(':');
  const hash = hashes.get(name);
  if (hash === undefined || !(await bcrypt.compare(given ?? '', hash))) return false;
  verified.add(key);
  return true;
}

proxy.on('error', (_error, _request, response) => {
  response.end();
});
createServer((request, response) => {
  void isAllowed(request.headers.authorization ?? '').then((allowed) => {
    if (allowed) proxy.web(request, response);
    else response.writeHead(401).end();
  });
}).listen(Number(port), '127.0.0.1');
