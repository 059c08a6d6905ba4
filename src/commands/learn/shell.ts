import type { Proposal } from './proposals.ts';

/**
 * The line that makes a proposal come true, safe to paste; undefined where there is nothing to do, or where a name
 * holds what no line should hold. Names come from strangers: whatever a shell would act on is quoted.
 */
export function commandFor(proposal: Proposal): string | undefined {
  const words = wordsFor(proposal);
  if (words === undefined || words.some((word) => /[\p{C}\p{Zl}\p{Zp}]/u.test(word)))
    return undefined;
  return words.map(quoted).join(' ');
}

function wordsFor(proposal: Proposal): readonly string[] | undefined {
  const { kind, name, isThere, admin, permissions, lacking, databases } = proposal;
  if (kind === 'subscription') {
    const named = databases.flatMap((database) => ['--db', database]);
    // An option's value may not begin with a dash.
    const joined = databases.map((database) => `--db=${database}`);
    const isPlain = databases.every((database) => !database.startsWith('-'));
    return ['kapgate', 'subscriptions', 'add', name, ...(isPlain ? named : joined)];
  }
  const isDashed = name.startsWith('-');
  if (isThere) {
    if (lacking.length === 0) return undefined;
    return ['kapgate', 'users', 'grant', ...(isDashed ? ['--'] : []), name, ...lacking];
  }
  const rights = admin ? ['--admin'] : permissions.flatMap((each) => ['-p', each]);
  const add = ['kapgate', 'users', 'add'];
  return isDashed ? [...add, ...rights, '--', name] : [...add, name, ...rights];
}

function quoted(word: string): string {
  return /^[-\w./:,@=]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
