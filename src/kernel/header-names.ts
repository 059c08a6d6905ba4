/** More distinct names than honest clients ever send; after a header bomb it begins anew. */
const MAX_REMEMBERED = 500;
/** Longer than any honest name: what strangers send must not stay in memory, however long a head may be. */
const MAX_NAME_LENGTH = 64;

/**
 * Remembers what a pure function says of a header name. The same few names come with every request, and lowering and
 * looking each up again is what reading headers costs.
 */
export function rememberNames<Verdict>(
  judge: (name: string) => Verdict,
): (name: string) => Verdict {
  const remembered = new Map<string, Verdict>();
  return (name) => {
    const known = remembered.get(name);
    if (known !== undefined) return known;
    const verdict = judge(name);
    if (name.length > MAX_NAME_LENGTH) return verdict;
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    // A part of a text holds on to all of it.
    remembered.set(ownText(name), verdict);
    return verdict;
  };
}

/** A header name in lower case. */
export const lowerName = rememberNames((name) => name.toLowerCase());

/** Says which of these names, which are in lower case, a header's is, in whatever case that is written. */
export function rememberAmong<const Name extends string>(
  names: readonly Name[],
): (name: string) => Name | 'other' {
  return rememberNames((name) => {
    const lower = name.toLowerCase();
    return names.find((each) => each === lower) ?? 'other';
  });
}

/** The same text in memory of its own. */
export function ownText(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
