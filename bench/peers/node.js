// @ts-check

/** What an operator would write in an hour. @type {import('../peers.js').Peer} */
export const HTTP_PROXY = {
  id: 'http-proxy',
  isCompiledAsItRuns: true,
  name: 'http-proxy',
  less: 'remembers verified passwords, bcrypt; no rights of each user, no limits; can be smuggled through',
  command: ({ port, upstreamPort, users }) => ({
    command: [
      process.execPath,
      'bench/http-proxy-gateway.js',
      String(port),
      String(upstreamPort),
      ...users.map(({ name, password }) => `${name}:${password}`),
    ],
  }),
};

/** What nothing that is written for Node can be faster than, with its HTTP. @type {import('../peers.js').Peer[]} */
export const LIMITS = [
  {
    id: 'node-undici',
    name: 'node:http + undici',
    less: 'no gate: whatever comes goes through',
    isCompiledAsItRuns: true,
    isOpen: true,
    command: ({ port, upstreamPort }) => ({
      command: [process.execPath, 'bench/undici-proxy.js', String(port), String(upstreamPort)],
    }),
  },
  {
    id: 'node-socket',
    name: 'node:http + a socket',
    less: 'no gate, and next to no client: it takes small answers for what they should be',
    isCompiledAsItRuns: true,
    isOpen: true,
    only: ['small-get', 'small-post'],
    command: ({ port, upstreamPort }) => ({
      command: [process.execPath, 'bench/socket-proxy.js', String(port), String(upstreamPort)],
    }),
  },
  {
    id: 'node-pipe',
    name: 'two sockets of Node',
    less: 'no gate, and no HTTP: one is tied to the other',
    isCompiledAsItRuns: true,
    isOpen: true,
    only: [
      ...['small-get', 'small-post', 'write-100kb', 'write-5mb', 'gzip-100kb', 'gzip-5mb'],
      ...['answer-1mb', 'answer-64mb'],
    ],
    command: ({ port, upstreamPort }) => ({
      command: [process.execPath, 'bench/pipe.js', String(port), String(upstreamPort)],
    }),
  },
  {
    id: 'node',
    name: 'node:http',
    less: 'no gate and no proxy: it answers itself',
    isCompiledAsItRuns: true,
    isOpen: true,
    only: ['small-get', 'small-post'],
    command: ({ port }) => ({ command: [process.execPath, 'bench/upstream.js', String(port)] }),
  },
];
