/** Finds what Go's path.Clean would change in an absolute path: `//`, `/./`, `/../`, a dot segment at the end. */
const UNCLEAN = /\/(?:\/|\.\.?(?:\/|$))/;

/**
 * The canonical form of an absolute path as Kapacitor's mux makes it: Go's path.Clean, one trailing slash kept.
 * Source: kapacitor services/httpd/mux.go cleanPath.
 */
export function cleanPath(path: string): string {
  if (!UNCLEAN.test(path)) return path;
  const clean = joinClean(path);
  return path.endsWith('/') && clean !== '/' ? `${clean}/` : clean;
}

/** Go's path.Clean for an absolute path: no trailing slash but that of the root. */
export function joinClean(path: string): string {
  if (!UNCLEAN.test(path)) return path.endsWith('/') && path !== '/' ? path.slice(0, -1) : path;
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') segments.pop();
    else segments.push(segment);
  }
  return `/${segments.join('/')}`;
}

/** Go's path.Dir for a clean absolute path. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

const SAFE_PATH = /^[A-Za-z0-9\-._~$&+,=:@/]*$/;

/**
 * Percent-encodes a decoded path as Go's url.EscapedPath does, and `;` as well, which some servers split at.
 * Kapacitor's one decoding gives back exactly the path.
 */
export function encodePath(path: string): string {
  if (SAFE_PATH.test(path)) return path;
  return encodeURI(path).replace(
    /[?#;!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
