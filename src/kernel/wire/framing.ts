/** The length in a Content-Length; undefined where it is none that all readers take alike (RFC 9112 §6.3). */
export function lengthIn(value: string): number | undefined {
  const length = Number(value);
  // Past 2^53 a number of JavaScript is no longer the one that was sent.
  return /^\d+$/.test(value) && Number.isSafeInteger(length) ? length : undefined;
}

/** Whether a Connection header says that its message is the connection's last (RFC 9112 §9.3). */
export function saysClose(value: string): boolean {
  return /(?:^|[,\s])close(?:$|[,\s])/i.test(value);
}

/** Whether it says that the connection goes on, as HTTP/1.0 has to. */
export function saysKeepAlive(value: string): boolean {
  return /(?:^|[,\s])keep-alive(?:$|[,\s])/i.test(value);
}
