import type { ReadFile } from '../config/read-text.ts';

/** The files that a configuration was read from, by their paths: it can be read again from these, in another process. */
export type ConfigTexts = Readonly<Record<string, string>>;

/** Reads files, and keeps what was read. */
export function recordTexts(readFile: ReadFile): {
  readonly readFile: ReadFile;
  readonly texts: () => ConfigTexts;
} {
  const texts = new Map<string, string>();
  return {
    readFile: (path) => {
      const text = readFile(path);
      texts.set(path, text);
      return text;
    },
    texts: () => Object.fromEntries(texts),
  };
}

/** Reads what was kept; what was not read then is not there. */
export function replayTexts(texts: ConfigTexts): ReadFile {
  return (path) => {
    const text = Object.hasOwn(texts, path) ? texts[path] : undefined;
    if (text !== undefined) return text;
    throw Object.assign(new Error(`"${path}" was not there`), { code: 'ENOENT' });
  };
}
