// @ts-check
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The gateway itself, once without its access log and once with it, into a file. @type {import('../peers.js').Peer[]} */
export const KAPGATES = [
  {
    id: 'kapgate',
    name: 'Kapgate',
    less: 'nothing: access log off',
    isCompiledAsItRuns: true,
    command: kapgate(false),
  },
  {
    id: 'kapgate-log',
    name: 'Kapgate, log on',
    less: 'nothing: a line a request in a file',
    isCompiledAsItRuns: true,
    command: kapgate(true),
  },
];

/** @param {boolean} isLogged @returns {import('../peers.js').Peer['command']} */
function kapgate(isLogged) {
  return ({ directory, port, upstreamPort, users }) => {
    const config = join(directory, 'gateway.toml');
    const log = join(directory, 'access.log');
    writeFileSync(
      config,
      `[http]\nbind-address = "127.0.0.1:${port}"\nlog-enabled = ${isLogged}\n` +
        `[upstream]\nurl = "http://127.0.0.1:${upstreamPort}"\n[admin]\nbind-address = ""\n` +
        `[store]\npath = ${JSON.stringify(join(directory, 'store'))}\n` +
        `[log]\nlevel = "${isLogged ? 'info' : 'error'}"\nfile = ${JSON.stringify(isLogged ? log : '')}\n`,
    );
    const main = ['dist/main.js', '--config', config];
    for (const { name, password } of users) {
      const add = ['users', 'add', name, '--permission', 'all', '--password-stdin'];
      execFileSync(process.execPath, [...main, ...add], {
        input: password,
        stdio: ['pipe', 'ignore', 'ignore'],
      });
    }
    return { command: [process.execPath, ...main, 'serve'] };
  };
}
