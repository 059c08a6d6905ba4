/** The answer to a client, on its way. */
export interface ClientResponse {
  /** True where this answer is the connection's last: its head says so. It can be set until that is written. */
  isLast: boolean;
  /** 0 before the head. */
  readonly status: number;
  readonly isBegun: boolean;
  /** True where all of it was handed over. */
  readonly isEnded: boolean;
  /** True where the connection ended before it, or behind it. */
  readonly isClosed: boolean;
  /** Bytes that were handed over and not sent. */
  readonly backlogBytes: number;
  /** True where the client has to read before more is handed over. */
  readonly isFull: boolean;
  /** Tells a client that waits for it to send its body (RFC 9110 §10.1.1). */
  sendContinue(): void;
  /**
   * Framing and what concerns the connection are added. The head leaves with the first bytes of the body, or with `flush`.
   * @param headers name and value in turn
   */
  begin(status: number, reason: string, headers: readonly string[]): void;
  /** @param piece is the response's from now on. @returns false: wait for `onDrain`, or `onGone` */
  write(piece: Buffer): boolean;
  /** As `write`, for a small piece that is only lent: it leaves in one piece with what is next to it. */
  writeSmall(piece: Buffer): boolean;
  /** Sends what was held back to leave with more. */
  flush(): void;
  end(): void;
  /** Told, one at a time, when the client has read after `write` said false. */
  onDrain: (() => void) | undefined;
  /** Told, one at a time, where the connection ends before the answer has. */
  onGone: (() => void) | undefined;
}
