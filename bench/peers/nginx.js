// @ts-check
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const COMMON = { program: 'nginx', get: 'apt-get install nginx-light' };

/** nginx reads its password file anew for each request, and remembers nothing. @type {import('../peers.js').Peer[]} */
export const NGINXES = [
  {
    ...COMMON,
    id: 'nginx',
    name: 'nginx, plain',
    less: 'passwords in clear in a file; no rights of each user',
    command: nginx(({ password }) => `{PLAIN}${password}`),
  },
  {
    ...COMMON,
    id: 'nginx-bcrypt',
    name: 'nginx, bcrypt',
    less: 'a hash for each request; no rights of each user',
    command: nginx(({ hash }) => hash),
    // It does one thing at a time: with more connections it would still hash when the next one is measured.
    connections: 1,
    only: ['small-get'],
  },
];

/** @param {(user: import('../peers.js').User) => string} stored @returns {import('../peers.js').Peer['command']} */
function nginx(stored) {
  return ({ directory, port, upstreamPort, users }) => {
    const passwords = join(directory, 'passwords');
    writeFileSync(passwords, users.map((user) => `${user.name}:${stored(user)}\n`).join(''));
    const config = join(directory, 'nginx.conf');
    const isRoot = process.getuid?.() === 0;
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    writeFileSync(
      config,
      `daemon off;
${isRoot ? 'user root;' : ''}
worker_processes 1;
pid ${join(directory, 'nginx.pid')};
error_log stderr crit;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  ${temporary.map((each) => `${each}_temp_path ${join(directory, each)};`).join('\n  ')}
  upstream kapacitor {
    server 127.0.0.1:${upstreamPort};
    keepalive 256;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port};
    auth_basic Kapacitor;
    auth_basic_user_file ${passwords};
    location / {
      proxy_pass http://kapacitor;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization "";
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
    }
  }
}
`,
    );
    return { command: ['nginx', '-c', config, '-p', directory, '-e', 'stderr'] };
  };
}
