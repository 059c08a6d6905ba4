import { faultIn, isShaped } from './shape.ts';
import type { Shape, Shaped } from './shape.ts';

/** The bytes of a value, to be stored. @throws where it has another shape: what goes in must come out again. */
export function encodeStored(shape: Shape, value: object, noun: string): Buffer {
  const stored = { v: 1, ...value };
  const fault = faultIn(shape, stored);
  if (fault !== undefined) throw new Error(`BUG: this is no ${noun} (${wordsFor(fault)})`);
  return Buffer.from(JSON.stringify(stored));
}

/** The value in stored bytes. @throws where they hold none: that is never "there is none" */
export function decodeStored<S extends Shape>(shape: S, bytes: Uint8Array): Shaped<S> {
  const stored = parse(bytes);
  if (isShaped(shape, stored)) return stored;
  throw new Error(`its record is damaged (${wordsFor(faultIn(shape, stored) ?? '')})`);
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

/** The field at fault and nothing of its value: it may be a hash. */
function wordsFor(field: string): string {
  return field === '' ? 'not a record of this version' : `field "${field}"`;
}
