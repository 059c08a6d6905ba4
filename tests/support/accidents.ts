import { afterAll, beforeAll, expect } from '@jest/globals';

/** Fails the file where anything in it was thrown or rejected with nobody to hear: it would have ended the process. */
export function expectNoAccidents(): void {
  const accidents: unknown[] = [];
  const note = (accident: unknown): void => {
    accidents.push(accident);
  };
  beforeAll(() => {
    process.on('unhandledRejection', note).on('uncaughtException', note);
  });
  afterAll(() => {
    process.off('unhandledRejection', note).off('uncaughtException', note);
    expect(accidents).toEqual([]);
  });
}
