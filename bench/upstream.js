// @ts-check
// A stand-in for Kapacitor that costs as little as Node allows: 204 to a ping or write, a small JSON to the rest.
import { createServer } from 'node:http';

const TASKS = JSON.stringify({ tasks: [] });

const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
  if (request.url?.includes('/tasks')) {
    response.writeHead(200, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': TASKS.length,
      'X-Kapacitor-Version': 'bench',
    });
    response.end(TASKS);
    return;
  }
  request.resume();
  response.writeHead(204, { 'X-Kapacitor-Version': 'bench' });
  response.end();
});
server.listen(Number(process.argv[2]), '127.0.0.1');
