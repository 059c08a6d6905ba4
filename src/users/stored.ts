import type { z } from 'zod';

/** The bytes of a value, to be stored. @throws where the schema refuses it: what goes in must come out again. */
export function encodeStored(schema: z.ZodType, value: object, noun: string): Buffer {
  const stored = { v: 1, ...value };
  const judged = schema.safeParse(stored);
  if (!judged.success) throw new Error(`BUG: this is no ${noun} (${faultOf(judged.error)})`);
  return Buffer.from(JSON.stringify(stored));
}

/** The value in stored bytes. @throws where they hold none: that is never "there is none" */
export function decodeStored<T>(schema: z.ZodType<T>, bytes: Uint8Array): T {
  const judged = schema.safeParse(parse(bytes));
  if (!judged.success) throw new Error(`its record is damaged (${faultOf(judged.error)})`);
  return judged.data;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

/** The field at fault and nothing of its value: it may be a hash. */
function faultOf(error: z.ZodError): string {
  const path = error.issues[0]?.path.join('.') ?? '';
  return path === '' ? 'not a record of this version' : `field "${path}"`;
}
