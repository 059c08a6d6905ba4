// @ts-check
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Large transfers fill the core with fewer, and each of them must come to an end within a round. */
const FEW = 4;

/**
 * @typedef {object} Scenario
 * @property {string} id
 * @property {string} name
 * @property {'requests' | 'bytes'} unit what is counted for each CPU-second
 * @property {number} connections
 * @property {() => { target: string, body?: Buffer }} make
 * @typedef {Scenario & { sent: number, file: string }} ReadyScenario sent: bytes of the body; file: the whole request
 */

/** @type {Scenario[]} */
const ALL = [
  {
    id: 'small-get',
    name: 'small GET',
    unit: 'requests',
    connections: 32,
    make: () => ({ target: '/kapacitor/v1/tasks' }),
  },
  {
    id: 'small-post',
    name: 'small POST /write',
    unit: 'requests',
    connections: 32,
    make: () => write(Buffer.from('cpu,host=a usage=42')),
  },
  ...[true, false].flatMap((isPlain) => [
    writes(isPlain, '1 KB', KIB, 32),
    writes(isPlain, '100 KB', 100 * KIB, 8),
    writes(isPlain, '5 MB', 5 * MIB, FEW),
  ]),
  answers('1 MB', MIB, 8),
  answers('64 MB', 64 * MIB, FEW),
];

/**
 * Scenarios by their ids, the request of each written to a file of its id.
 * @param {string} directory @param {string} authorization @param {(id: string) => boolean} isNeeded
 * @returns {ReadyScenario[]}
 */
export function scenarios(directory, authorization, isNeeded) {
  return ALL.filter(({ id }) => isNeeded(id)).map((scenario) => {
    const file = join(directory, scenario.id);
    return { ...scenario, file, sent: writeRequest(file, authorization, scenario.make()) };
  });
}

/** @param {boolean} isPlain @param {string} size @param {number} length @param {number} connections @returns {Scenario} */
function writes(isPlain, size, length, connections) {
  const id = `${isPlain ? 'write' : 'gzip'}-${size.replace(' ', '').toLowerCase()}`;
  const name = isPlain ? `write ${size}` : `write ${size} of gzip`;
  return { id, name, unit: 'bytes', connections, make: () => write(points(length, isPlain)) };
}

/** @param {string} size @param {number} length @param {number} connections @returns {Scenario} */
function answers(size, length, connections) {
  const id = `answer-${size.replace(' ', '').toLowerCase()}`;
  const target = `/kapacitor/v1/tasks/answer-${length}`;
  return { id, name: `answer of ${size}`, unit: 'bytes', connections, make: () => ({ target }) };
}

/** @param {Buffer} body */
function write(body) {
  return { target: '/write?db=telegraf', body };
}

/** Points of so many bytes as they go over the wire. @param {number} length @param {boolean} isPlain */
function points(length, isPlain) {
  /** @type {string[]} */
  const lines = [];
  for (let size = 0; size < length * (isPlain ? 1 : 4);) {
    const line = `cpu,host=server${lines.length % 100} usage=${Math.random()} ${Date.now()}000000`;
    size += line.length + 1;
    lines.push(line);
  }
  const plain = Buffer.from(lines.join('\n'));
  if (isPlain) return plain.subarray(0, length);
  let share = plain.length;
  let packed = gzipSync(plain);
  while (packed.length > length * 1.02) {
    share = Math.floor((share * length) / packed.length);
    packed = gzipSync(plain.subarray(0, share));
  }
  return packed;
}

/** @param {string} file @param {string} authorization @param {{ target: string, body?: Buffer }} request */
export function writeRequest(file, authorization, { target, body }) {
  const head = [
    `${body === undefined ? 'GET' : 'POST'} ${target} HTTP/1.1`,
    'Host: kapacitor:9092',
    'User-Agent: bench',
    `Authorization: ${authorization}`,
  ];
  if (body !== undefined) head.push(`Content-Length: ${body.length}`);
  if (body?.[0] === 0x1f) head.push('Content-Encoding: gzip');
  writeFileSync(
    file,
    Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body ?? Buffer.alloc(0)]),
  );
  return body?.length ?? 0;
}
