// @ts-check
// A stand-in for Kapacitor that costs as little as Node allows: a small JSON for tasks, as many bytes as are asked for by
// /answer-BYTES, and 204 to the rest, once its body is there.
import { createServer } from 'node:http';

const TASKS = Buffer.from(JSON.stringify({ tasks: [] }));
/** @type {Map<string, Buffer>} */
const answers = new Map();

const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
  const asked = /\/answer-(\d+)/.exec(request.url ?? '')?.[1];
  if (asked !== undefined) answer(response, bytes(asked));
  else if (request.url?.includes('/tasks')) answer(response, TASKS);
  else {
    request.resume().on('end', () => {
      response.writeHead(204, { 'X-Kapacitor-Version': 'bench' });
      response.end();
    });
  }
});
server.listen(Number(process.argv[2]), '127.0.0.1');

/** @param {import('node:http').ServerResponse} response @param {Buffer} body */
function answer(response, body) {
  response.writeHead(200, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': body.length,
    'X-Kapacitor-Version': 'bench',
  });
  response.end(body);
}

/** @param {string} length */
function bytes(length) {
  const known = answers.get(length);
  if (known !== undefined) return known;
  const made = Buffer.alloc(Number(length), 'kapacitor ');
  answers.set(length, made);
  return made;
}
