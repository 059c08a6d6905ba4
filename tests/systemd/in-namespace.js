// To be run as root in a network namespace of its own: `unshare --net node in-namespace.js RULES`. Plays a machine with
// a Kapacitor that listens on every address, and another machine at the end of a cable; who reaches whom, before the
// rules and with them, is printed as JSON.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const [, , rules = '', configFile = '', main = ''] = process.argv;
const PORTS = { kapacitor: 9192, other: 9999 };
const USERS = { root: 0, gateway: 12345, nobody: 65534 };
const NODE = '/proc/self/exe';

const run = (command, ...args) => execFileSync(command, args, { encoding: 'utf8' });
const hasIPv6 = existsSync('/proc/net/if_inet6');

run('ip', 'link', 'set', 'lo', 'up');
const otherMachine = spawn('unshare', ['--net', 'sleep', '300'], { stdio: 'ignore' });
const own = readlinkSync('/proc/self/ns/net');
while (readlinkSync(`/proc/${otherMachine.pid}/ns/net`) === own) await sleep(10);
run(
  'ip',
  'link',
  'add',
  'here0',
  'type',
  'veth',
  'peer',
  'name',
  'there0',
  'netns',
  `${otherMachine.pid}`,
);
const there = (...args) => run('nsenter', '-t', `${otherMachine.pid}`, '-n', ...args);
for (const [at, name, number] of [
  [run, 'here0', 1],
  [there, 'there0', 2],
]) {
  at('ip', 'addr', 'add', `10.231.0.${number}/24`, 'dev', name);
  if (hasIPv6) at('ip', '-6', 'addr', 'add', `fd31::${number}/64`, 'dev', name, 'nodad');
  at('ip', 'link', 'set', name, 'up');
}

for (const port of Object.values(PORTS)) {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'X-Kapacitor-Version': '1.5.9' }).end('{"elements":[]}');
  });
  server.listen(port);
  await once(server, 'listening');
}

const CONNECT = `
const socket = require('node:net').connect(Number(process.argv[2]), process.argv[1]);
socket.once('connect', () => process.exit(0));
socket.once('error', () => process.exit(1));
setTimeout(() => process.exit(1), 3000);
`;

async function connects(command, args, options = {}) {
  const child = spawn(command, args, { ...options, stdio: 'ignore', env: {}, cwd: '/' });
  return (await once(child, 'exit'))[0] === 0;
}

async function whoReaches() {
  const hosts = ['127.0.0.1', '10.231.0.1', ...(hasIPv6 ? ['::1', 'fd31::1'] : [])];
  const tries = Object.entries(PORTS).flatMap(([to, port]) =>
    hosts.flatMap((host) => [
      ...Object.entries(USERS).map(([who, uid]) => ({
        ...{ who, to, host },
        reached: connects(NODE, ['-e', CONNECT, '--', host, `${port}`], { uid, gid: uid }),
      })),
      ...(host.startsWith('127.') || host === '::1'
        ? []
        : [
            {
              ...{ who: 'another machine', to, host },
              reached: connects('/usr/bin/env', [
                ...['nsenter', '-t', `${otherMachine.pid}`, '-n', process.execPath],
                ...['-e', CONNECT, '--', host, `${port}`],
              ]),
            },
          ]),
    ]),
  );
  return Promise.all(tries.map(async (each) => ({ ...each, reached: await each.reached })));
}

async function doctor() {
  const child = spawn(NODE, [main, 'doctor', '--config', configFile, '--json']);
  let text = '';
  child.stdout.on('data', (bytes) => (text += bytes));
  await once(child, 'close');
  return JSON.parse(text).map(({ part, result, what }) => `${part} ${result}: ${what}`);
}

/** Says a letter each time its standard input has a line, and gets an answer or none. */
function openAsNobody() {
  const script = `
    const socket = require('node:net').connect(${PORTS.kapacitor}, '127.0.0.1');
    socket.on('error', () => process.exit(1));
    socket.once('connect', () => process.stdout.write('connected'));
    process.stdin.once('data', () => socket.write('GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'));
    socket.once('data', () => process.exit(0));
    setTimeout(() => process.exit(1), 5000);
  `;
  return spawn(NODE, ['-e', script], { uid: USERS.nobody, gid: USERS.nobody, env: {}, cwd: '/' });
}

const result = { hasIPv6, before: await whoReaches(), doctorBefore: await doctor() };
const early = openAsNobody();
await once(early.stdout, 'data');
run('nft', '-f', rules);
// A second time, as a reload does: nothing is doubled.
run('nft', '-f', rules);
early.stdin.end('now');
result.earlyIsAnswered = (await once(early, 'exit'))[0] === 0;
result.with = await whoReaches();
result.doctorWith = await doctor();
result.tables = run('nft', 'list', 'tables').trim();
run('nft', 'delete', 'table', 'inet', 'kapgate');
result.after = await whoReaches();
otherMachine.kill();
process.stdout.write(JSON.stringify(result), () => process.exit(0));
