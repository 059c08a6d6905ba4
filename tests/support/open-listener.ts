import type { Exchange } from '../../src/kernel/exchange.ts';
import type { ClientResponse } from '../../src/kernel/client-response.ts';
import { createListener } from '../../src/listener/server.ts';
import type { Listener, ListenerOptions } from '../../src/listener/server.ts';

/** A listener whose requests go to a function of the test, with nothing of the gateway behind it. */
export interface OpenListener {
  readonly port: number;
  readonly listener: Listener;
}

/** @param answer has the whole request: nobody was asked who sent it */
export async function openListener(
  answer: (exchange: Exchange) => void,
  options: Partial<ListenerOptions> = {},
): Promise<OpenListener> {
  const listener = createListener({
    service: () => ({
      requestPath: (exchange) => {
        answer(exchange);
        return Promise.resolve();
      },
      clientAddress: () => '127.0.0.1',
      onBegin: () => undefined,
      onEnd: () => undefined,
      onUnread: () => undefined,
      onNoTls: () => undefined,
    }),
    tls: undefined,
    maxHeaderBytes: 65_536,
    headerTimeoutMs: 10_000,
    idleTimeoutMs: 3_600_000,
    bodyIdleTimeoutMs: 60_000,
    maxConnections: 100,
    shutdownTimeoutMs: 50,
    onCrowded: () => undefined,
    onServerError: () => undefined,
    now: Date.now,
    ...options,
  });
  const [door] = await listener.listen([{ kind: 'tcp', host: '127.0.0.1', port: 0 }]);
  return { port: door?.port ?? 0, listener };
}

/** Answers 200. */
export function respond(response: ClientResponse, body: string | Buffer): void {
  response.begin(200, 'OK', ['Content-Length', String(body.length)]);
  response.write(Buffer.from(body));
  response.end();
}
