/** Between this program and one that it started as a part of itself. What is sent arrives in order, or nobody is there. */
export interface Channel {
  send(message: object): void;
  /** Calls the listener with each message, and the socket that came with it. */
  onMessage(listener: (message: unknown, socket: unknown) => void): void;
  /** Calls the listener once nobody is at the other end any more. */
  onGone(listener: () => void): void;
  close(): void;
}
