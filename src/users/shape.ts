/** Whether a value of JSON is what it must be. */
export type Is<T> = (value: unknown) => value is T;

/** The fields of an object, each with what it must be. Strict: one besides could be one that takes a right away. */
export type Shape = Readonly<Record<string, Is<unknown>>>;

export type Shaped<S extends Shape> = {
  readonly [Name in keyof S]: S[Name] extends Is<infer T> ? T : never;
};

/** True for an object with these fields and no other. */
export function isShaped<S extends Shape>(shape: S, value: unknown): value is Shaped<S> {
  return faultIn(shape, value) === undefined;
}

/** The first field at fault; "" where it is none of them alone; undefined where there is no fault. */
export function faultIn(shape: Shape, value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return '';
  const fields = new Map<string, unknown>(Object.entries(value));
  for (const [name, is] of Object.entries(shape)) {
    if (!is(fields.get(name))) return name;
  }
  return [...fields.keys()].every((name) => Object.hasOwn(shape, name)) ? undefined : '';
}

export const is =
  <const T>(constant: T): Is<T> =>
  (value): value is T =>
    value === constant;

export const isBoolean: Is<boolean> = (value): value is boolean => typeof value === 'boolean';

export const isText: Is<string> = (value): value is string => typeof value === 'string';

/** One that is not empty. */
export const isWord: Is<string> = (value): value is string => isText(value) && value !== '';

export const isInteger: Is<number> = (value): value is number => Number.isSafeInteger(value);

export const isCount: Is<number> = (value): value is number => isInteger(value) && value >= 0;

/** A moment in UTC, as `Date` writes it, with any fraction of its second. */
export const isMoment: Is<string> = (value): value is string => {
  if (!isText(value) || !MOMENT.test(value)) return false;
  const moment = new Date(value);
  // It takes the 30th of February for a day in March.
  return !Number.isNaN(moment.valueOf()) && moment.toISOString().startsWith(value.slice(0, DAY));
};

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;
const DAY = 'YYYY-MM-DD'.length;

export function isListOf<T>(isOne: Is<T>, { least = 0, most = Infinity } = {}): Is<readonly T[]> {
  return (value): value is readonly T[] =>
    Array.isArray(value) && value.length >= least && value.length <= most && value.every(isOne);
}
