/** A line of the audit log as its names and values. */
export type Fields = ReadonlyMap<string, unknown>;

/** Undefined where it is none: a line that a full disk cut in two, for one. */
export function fieldsOf(line: string): Fields | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed !== 'object' || parsed === null) return undefined;
    return new Map<string, unknown>(Object.entries(parsed));
  } catch {
    return undefined;
  }
}

/** "" where there is no such text. */
export function textIn(fields: Fields, name: string): string {
  const value = fields.get(name);
  return typeof value === 'string' && !/\p{Cs}/u.test(value) ? value : '';
}

export function numberIn(fields: Fields, name: string, otherwise: number): number {
  const value = fields.get(name);
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
}

/** Empty where there is no such list. */
export function listIn(fields: Fields, name: string): readonly string[] {
  const value = fields.get(name);
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
