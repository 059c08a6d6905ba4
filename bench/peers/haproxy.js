// @ts-check
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @type {import('../peers.js').Peer} */
export const HAPROXY = {
  id: 'haproxy',
  name: 'HAProxy',
  program: 'haproxy',
  get: 'apt-get install haproxy',
  less: 'passwords in clear in its configuration; no rights of each user',
  command: ({ directory, port, upstreamPort, users }) => {
    const config = join(directory, 'haproxy.cfg');
    writeFileSync(
      config,
      `global
  nbthread 1
  maxconn 8192
userlist known
${users.map(({ name, password }) => `  user ${name} insecure-password ${password}`).join('\n')}
defaults
  mode http
  timeout connect 5s
  timeout client 5m
  timeout server 5m
  option http-keep-alive
  http-reuse always
frontend gate
  bind 127.0.0.1:${port}
  http-request auth realm Kapacitor unless { http_auth(known) }
  http-request del-header Authorization
  default_backend kapacitor
backend kapacitor
  server kapacitor 127.0.0.1:${upstreamPort}
`,
    );
    return { command: ['haproxy', '-db', '-q', '-f', config] };
  },
};
