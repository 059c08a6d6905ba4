import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** What can be wrong with a meta node, on command. */
export type NodeFault =
  /** Answers, but late. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** Takes the request, and never answers. */
  | { readonly kind: 'silent' }
  /** Takes the request, and cuts the connection. */
  | { readonly kind: 'drop' }
  /** A status of its own, with its body. */
  | { readonly kind: 'status'; readonly status: number; readonly body?: string }
  /** 200, and no JSON. */
  | { readonly kind: 'garbage' }
  /** Half of the answer that it announces. */
  | { readonly kind: 'half' }
  /** 307 to itself, for ever. */
  | { readonly kind: 'loop' }
  /** 307 to somewhere else, with the same path and query. */
  | { readonly kind: 'redirect'; readonly origin: string }
  /** 200 with well-formed JSON that is no answer to what was asked. */
  | { readonly kind: 'wrong'; readonly body: string };

/** Plays a fault. @returns true where nothing is left to answer */
export async function playFault(
  fault: NodeFault,
  target: string,
  response: ServerResponse,
): Promise<boolean> {
  switch (fault.kind) {
    case 'slow':
      await sleep(fault.delayMs);
      return response.destroyed;
    case 'silent':
      return true;
    case 'drop':
      response.destroy();
      return true;
    case 'status':
      send(response, fault.status, fault.body ?? '{"error":"out of order, on command"}');
      return true;
    case 'garbage':
      send(response, 200, '<html>this is no meta node</html>');
      return true;
    case 'half':
      response.writeHead(200, { ...JSON_TYPE, 'Content-Length': 1000 });
      response.write('{"users":[{"name":"', () => response.destroy());
      return true;
    case 'loop':
      response.writeHead(307, { Location: target }).end();
      return true;
    case 'redirect':
      response.writeHead(307, { Location: `${fault.origin}${target}` }).end();
      return true;
    case 'wrong':
      send(response, 200, fault.body);
      return true;
  }
}

const JSON_TYPE = { 'Content-Type': 'application/json' } as const;

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, JSON_TYPE).end(body);
}
