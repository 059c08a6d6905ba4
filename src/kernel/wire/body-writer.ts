import type { Socket } from 'node:net';

/** The end of a body in chunks, without trailers (RFC 9112 §7.1). */
export const LAST_CHUNK = '0\r\n\r\n';

/** The line before a chunk. */
export function sizeLine(bytes: number): string {
  return `${bytes.toString(16)}\r\n`;
}

/** Writes a chunk, and a text before it, in one go. @param text of ISO-8859-1 */
export function writeChunk(socket: Socket, text: string, bytes: Buffer): void {
  socket.cork();
  writeBehind(socket, `${text}${sizeLine(bytes.length)}`, bytes);
  socket.write('\r\n', 'latin1');
  socket.uncork();
}

/** Writes bytes as they are, and a text before them, in one go. @param text of ISO-8859-1 */
export function writeBehind(socket: Socket, text: string, bytes: Buffer): void {
  socket.cork();
  if (text !== '') socket.write(text, 'latin1');
  socket.write(bytes);
  socket.uncork();
}
