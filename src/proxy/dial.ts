import { connect, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface DialOptions {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Until the connection stands, TLS and all; 0: for ever. */
  readonly connectTimeoutMs: number;
  /** PEM; with https only. Undefined: the authorities of Node. */
  readonly ca: string | undefined;
  readonly insecureSkipVerify: boolean;
}

/** What becomes of a connection that is being opened. */
interface DialEvents {
  readonly onOpen: (socket: Socket) => void;
  /** The memory that the next bytes are read into; asked for again after each piece. */
  readonly buffer: () => Buffer;
  /** @returns false: read no more until the socket is resumed */
  readonly onBytes: (length: number, socket: Socket) => boolean;
}

/** The way to open connections to one upstream. */
export interface Dial {
  /** Host and port, as a Host header names them. */
  readonly host: string;
  /** Opens a connection; that it failed is told by the socket's own events. */
  open(events: DialEvents): Socket;
}

const KEEP_ALIVE_PROBE_MS = 60_000;

export function createDial(options: DialOptions): Dial {
  const { protocol, host, hostname, port } = new URL(options.origin);
  const isTls = protocol === 'https:';
  const name = hostname.replace(/^\[|\]$/g, '');
  const place = { host: name, port: Number(port === '' ? (isTls ? 443 : 80) : port) };
  const tls = {
    ...place,
    // No address is ever sent as a name (RFC 6066 §3); it is looked for in the certificate all the same.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: !options.insecureSkipVerify,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  };
  const open = (events: DialEvents): Socket => {
    // Node's types do not know that TLS has it too.
    const reading = {
      onread: {
        buffer: events.buffer,
        callback: (length: number): boolean => events.onBytes(length, socket),
      },
    };
    const socket = isTls ? connectTls({ ...tls, ...reading }) : connect({ ...place, ...reading });
    socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_PROBE_MS);
    limitOpening(socket, options.connectTimeoutMs, isTls ? 'secureConnect' : 'connect', events);
    return socket;
  };
  return { host, open };
}

function limitOpening(
  socket: Socket,
  timeoutMs: number,
  opened: 'connect' | 'secureConnect',
  { onOpen }: DialEvents,
): void {
  const timer =
    timeoutMs === 0
      ? undefined
      : setTimeout(() => {
          socket.destroy(new Error(`no connection within ${timeoutMs} ms`));
        }, timeoutMs);
  socket.once('close', () => {
    clearTimeout(timer);
  });
  socket.once(opened, () => {
    clearTimeout(timer);
    onOpen(socket);
  });
}
