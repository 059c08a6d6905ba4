// @ts-check
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @type {import('../peers.js').Peer} */
export const VMAUTH = {
  id: 'vmauth',
  name: 'vmauth',
  program: 'vmauth',
  get: 'apt-get install victoria-metrics, or vmutils of github.com/VictoriaMetrics/VictoriaMetrics',
  less: 'passwords in clear in its configuration; paths of each user, no methods and no databases',
  command: ({ directory, port, upstreamPort, users }) => {
    const config = join(directory, 'vmauth.yml');
    const each = users.map(
      ({ name, password }) =>
        `- username: ${name}\n  password: ${password}\n  url_prefix: "http://127.0.0.1:${upstreamPort}"\n`,
    );
    writeFileSync(config, `users:\n${each.join('')}`);
    const options = [
      `-auth.config=${config}`,
      `-httpListenAddr=127.0.0.1:${port}`,
      '-maxIdleConnsPerBackend=256',
      '-loggerLevel=ERROR',
    ];
    return { command: ['vmauth', ...options], env: { GOMAXPROCS: '1' } };
  },
};
