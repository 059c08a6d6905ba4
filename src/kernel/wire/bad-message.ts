/** Bytes that are no message as HTTP/1.1 frames it: why, in words. */
export class BadMessage extends Error {
  /** True where nothing is wrong but its size. */
  readonly isTooLong: boolean;

  constructor(message: string, isTooLong = false) {
    super(message);
    this.name = 'BadMessage';
    this.isTooLong = isTooLong;
  }
}
