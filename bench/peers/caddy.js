// @ts-check
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @type {import('../peers.js').Peer} */
export const CADDY = {
  id: 'caddy',
  name: 'Caddy',
  program: 'caddy',
  get: 'apt-get install caddy',
  less: 'remembers verified passwords, bcrypt; no rights of each user',
  command: ({ directory, port, upstreamPort, users }) => {
    const config = join(directory, 'Caddyfile');
    writeFileSync(
      config,
      `{
  admin off
  auto_https off
  log {
    level ERROR
  }
}
http://:${port} {
  bind 127.0.0.1
  basicauth {
${users.map(({ name, hash }) => `    ${name} ${Buffer.from(hash).toString('base64')}`).join('\n')}
  }
  reverse_proxy 127.0.0.1:${upstreamPort} {
    header_up -Authorization
    transport http {
      keepalive_idle_conns_per_host 256
    }
  }
}
`,
    );
    return {
      command: ['caddy', 'run', '--config', config, '--adapter', 'caddyfile'],
      env: { GOMAXPROCS: '1', XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory },
    };
  },
};
