// @ts-check
// Whom the gateway is compared with: what is found on this machine, each set up to do the same as far as it can.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import bcrypt from 'bcrypt';
import { CADDY } from './peers/caddy.js';
import { HAPROXY } from './peers/haproxy.js';
import { KAPGATES } from './peers/kapgate.js';
import { NGINXES } from './peers/nginx.js';
import { HTTP_PROXY, LIMITS } from './peers/node.js';
import { VMAUTH } from './peers/vmauth.js';
import { commandExists, end, freePort, start } from './processes.js';

/**
 * @typedef {{ name: string, password: string, hash: string }} User
 * @typedef {{ directory: string, upstreamPort: number, users: [User, User], core: number }} Place core: of the load
 * @typedef {Place & { port: number }} Setup
 * @typedef {object} Peer
 * @property {string} id
 * @property {string} name
 * @property {string} less what it does less than the gateway
 * @property {(setup: Setup) => { command: string[], env?: Record<string, string> }} command
 * @property {string} [program] what must be on PATH
 * @property {string} [get] how to get it
 * @property {boolean} [isCompiledAsItRuns] it is to be warm before it is measured
 * @property {boolean} [isOpen] it asks nobody for a password
 * @property {string[]} [only] the scenarios that it takes part in; else all
 * @property {number} [connections] in place of the scenario's
 * @typedef {Peer & { port: number, pid: number, stop: () => Promise<void> }} Proxy
 */

/** @type {Peer[]} */
const ALL = [...KAPGATES, VMAUTH, CADDY, HTTP_PROXY, ...NGINXES, HAPROXY, ...LIMITS];

const COST = 10;
export const PROXY_CORE = 0;

/** Those that can be started here; one line for each that can't. @param {(line: string) => void} print */
export function peersHere(print) {
  return ALL.filter(({ name, program, get }) => {
    if (program === undefined || commandExists(program)) return true;
    print(`${name} is left out: there is no ${program} on PATH (${get})`);
    return false;
  });
}

/** The second one comes where a user is to be one whom a proxy has not seen yet. @returns {Promise<[User, User]>} */
export async function makeUsers() {
  return [await makeUser('bench'), await makeUser('second')];
}

/** @param {string} name @returns {Promise<User>} */
async function makeUser(name) {
  const password = `${name}-password`;
  return { name, password, hash: await bcrypt.hash(password, COST) };
}

/** @param {{ name: string, password: string }} user */
export function authorizationOf({ name, password }) {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

let starts = 0;

/** What is to be run, set up on a port and in a directory of its own. @param {Peer} peer @param {Place} setup */
export async function prepare(peer, { directory, ...setup }) {
  const port = await freePort();
  const own = join(directory, `${peer.id}-${starts++}`);
  mkdirSync(own);
  return { port, ...peer.command({ ...setup, directory: own, port }) };
}

/** @param {Peer} peer @param {Place} setup @returns {Promise<Proxy>} */
export async function startPeer(peer, setup) {
  const { port, command, env } = await prepare(peer, setup);
  const child = await start(PROXY_CORE, command, port, env);
  const stop = () => end(child);
  return { ...peer, port, pid: child.pid ?? 0, stop };
}

/** It lets in who says the right password, and nobody else: what is compared does the same. @param {Proxy} proxy @param {User} user */
export async function checkGate({ name, port, isOpen }, user) {
  const right = await statusOf(port, user);
  if (right !== 200) throw new Error(`${name} answers a right password with ${right}`);
  const wrong = await statusOf(port, { ...user, password: 'wrong' });
  // vmauth says 400.
  if (!isOpen && ![400, 401].includes(wrong)) {
    throw new Error(`${name} answers a wrong password with ${wrong}`);
  }
}

/** @param {number} port @param {{ name: string, password: string }} user */
async function statusOf(port, user) {
  const answer = await fetch(`http://127.0.0.1:${port}/kapacitor/v1/tasks`, {
    headers: { Authorization: authorizationOf(user) },
  });
  await answer.text();
  return answer.status;
}
