/** Where users can be imported from. */
export const IMPORT_FORMATS = ['htpasswd', 'vmauth', 'kapgate', 'kapacitor'] as const;

export type ImportFormat = (typeof IMPORT_FORMATS)[number];

/** What a file holds, by its name and how its text begins. */
export function formatOf(source: string, text: string): ImportFormat {
  if (text.trimStart().startsWith('{')) return 'kapgate';
  // A line of htpasswd has a hash behind the colon, and no user there can be named with it.
  return /\.ya?ml$/i.test(source) || /^(?:users|unauthorized_user):\s*(?:#.*)?$/m.test(text)
    ? 'vmauth'
    : 'htpasswd';
}

/** True of what is asked over HTTP, and not read from a file. */
export function isUrl(source: string): boolean {
  return /^https?:\/\//i.test(source);
}
