import { goQuote } from '../kernel/go-text.ts';
import { isJsonAssent, readError, readRoles, readUsers } from './bodies.ts';
import type { MetaRole, MetaUser } from './documents.ts';
import { MetaFault } from './fault.ts';
import type { HttpAnswer } from './http.ts';
import type { OwnUser } from './own-user.ts';

/** What an attempt came to: what was asked for, or why it is not known and how to go on. */
export type Reading<T> = { readonly value: T } | Setback;

export interface Setback {
  readonly fault: MetaFault;
  /** `stop`: the node has spoken. `elsewhere`: not this node again in this call. `again`: it may pass. */
  readonly then: 'stop' | 'elsewhere' | 'again';
  /**
   * Whether it counts against the node: what a client could bring about by an odd name must not. Undefined: it may be the
   * node, or what stands behind it (LDAP), and says nothing of all others.
   */
  readonly blamed: boolean | undefined;
}

/** Judges answers: statuses first, then bodies. */
export interface Readings {
  readonly users: (answer: HttpAnswer, node: string) => Reading<readonly MetaUser[]>;
  readonly roles: (answer: HttpAnswer, node: string) => Reading<readonly MetaRole[]>;
  readonly authorized: (answer: HttpAnswer, node: string) => Reading<boolean>;
}

const NO_SUCH_USER = 'user not found';
const LONGEST_QUOTE = 200;

export function createReadings(own: OwnUser): Readings {
  const list = <T>(
    { status, body }: HttpAnswer,
    node: string,
    read: (body: Uint8Array) => readonly T[] | undefined,
  ): Reading<readonly T[]> => {
    if (status === 401) return stop(own.unknownTo(node));
    if (status === 403) return stop(own.refusedBy(node));
    const error = readError(body);
    if (error === NO_SUCH_USER && [200, 400, 404].includes(status)) return { value: [] };
    if (status !== 200) return unexpected(status, node, error);
    const value = read(body);
    return value === undefined ? garbage(node) : { value };
  };
  return {
    users: (answer, node) => list(answer, node, readUsers),
    roles: (answer, node) => list(answer, node, readRoles),
    authorized: readAuthorized,
  };
}

/** What the node says of an error is not repeated: nobody knows that it holds no password. */
function readAuthorized({ status, body }: HttpAnswer, node: string): Reading<boolean> {
  const error = readError(body);
  if (status === 401 || status === 403) return { value: false };
  if (error === NO_SUCH_USER && (status === 400 || status === 404)) return { value: false };
  if (status >= 500) return { ...unexpected(status, node, undefined), blamed: undefined };
  if (status !== 200) return unexpected(status, node, error === undefined ? undefined : '');
  return error === undefined && isAssent(body) ? { value: true } : garbage(node);
}

/** Empty, JSON, or a word or two: any web page is 200, too, and must not let everybody in. */
function isAssent(body: Buffer): boolean {
  const text = body.toString('latin1');
  return isJsonAssent(body) || (/^[\w .,!]{0,64}\s*$/.test(text) && !/^\s*false\s*$/i.test(text));
}

/** @param error what it says, where it says so in the form of a meta node */
function unexpected(status: number, node: string, error: string | undefined): Setback {
  if (status >= 500) return again('server-error', `meta node ${node} answers ${status}`);
  if (status < 400) {
    return again('bad-answer', `meta node ${node} answers ${status}, where 200 was expected`);
  }
  if (error === undefined) {
    return {
      fault: new MetaFault(
        'bad-answer',
        `${node} answers ${status} in a form that is not a meta node's: check meta-addr and meta-use-tls`,
      ),
      then: 'elsewhere',
      blamed: false,
    };
  }
  const said = error === '' ? '' : `: ${goQuote(error.slice(0, LONGEST_QUOTE))}`;
  return stop(new MetaFault('bad-answer', `meta node ${node} answers ${status}${said}`));
}

function garbage(node: string): Setback {
  return again(
    'bad-answer',
    `meta node ${node} answers 200 with something that is no answer of a meta node: check meta-addr`,
  );
}

function stop(fault: MetaFault): Setback {
  return { fault, then: 'stop', blamed: false };
}

function again(kind: MetaFault['kind'], message: string): Setback {
  return { fault: new MetaFault(kind, message), then: 'again', blamed: true };
}
