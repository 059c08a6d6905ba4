/** Why no meta node could say what it was asked. */
export type MetaFaultKind =
  /** No connection, or it broke. */
  | 'unreachable'
  /** Its certificate was not taken, or it did not take ours. */
  | 'certificate'
  /** The time for the whole call, retries included, was over. */
  | 'timeout'
  /** It does not take the gateway's own user, password or shared secret (401). */
  | 'credentials'
  /** The gateway's own user may not ask this (403). */
  | 'forbidden'
  /** 5xx. */
  | 'server-error'
  /** A redirect that is not followed: too many, another scheme, a foreign host. */
  | 'redirect'
  /** Neither the answer nor the error that was expected: garbage, half of it, another service. */
  | 'bad-answer'
  /** It failed a moment ago, and is left alone until it is tried again. */
  | 'resting'
  /** The gateway itself has more calls under way than it makes at a time. */
  | 'busy';

/** A technical failure of the meta nodes: nobody can say who a user is. Never "no such user". */
export class MetaFault extends Error {
  readonly kind: MetaFaultKind;

  /** @param message names the node, and holds no credential */
  constructor(kind: MetaFaultKind, message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.name = 'MetaFault';
    this.kind = kind;
  }
}
