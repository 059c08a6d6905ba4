import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface RawUpstream {
  readonly url: string;
  /** How many connections were ever opened. */
  readonly connections: number;
  /** How many are open now. */
  readonly openConnections: number;
  /** All that came over any connection, in the order in which they were opened. */
  readonly received: readonly string[];
  stop(): Promise<void>;
}

/** What a broken server does when a connection brought bytes. @param requests heads received on it so far, from 1 */
export type RawBehaviour = (socket: Socket, requests: number, connection: number) => void;

/** A server of which every byte is the test's own. */
export async function startRawUpstream(onHead: RawBehaviour): Promise<RawUpstream> {
  const received: string[] = [];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    const connection = received.push('');
    let heads = 0;
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => open.delete(socket));
    socket.on('data', (bytes: Buffer) => {
      const text = `${received[connection - 1] ?? ''}${bytes.toString('latin1')}`;
      received[connection - 1] = text;
      const all = text.split('\r\n\r\n').length - 1;
      if (all <= heads) return;
      heads = all;
      onHead(socket, heads, connection);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return received.length;
    },
    get openConnections() {
      return open.size;
    },
    received,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of open) socket.destroy();
      }),
  };
}
