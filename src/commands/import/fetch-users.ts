import { messageOf } from '../../kernel/errors.ts';
import type { Secret } from '../../kernel/secret.ts';
import { readUsersPage } from '../../users/import/kapacitor-users.ts';
import type { ImportEntry, Reading } from '../../users/import/reading.ts';
import { CommandError, EXIT } from '../terminal.ts';

export interface FetchUsersOptions {
  /** `http://HOST:9092` */
  readonly url: string;
  /** An admin there, where it asks for one. */
  readonly credentials?: { readonly user: string; readonly password: Secret } | undefined;
  readonly onPage?: (users: number) => void;
}

/** As many as Kapacitor gives unless told otherwise. */
const PAGE_USERS = 100;
const MAX_USERS = 1_000_000;
const MAX_PAGE_BYTES = 16 * 1024 * 1024;
const PAGE_TIMEOUT_MS = 30_000;

const NOTES = [
  'passwords cannot be read out of a Kapacitor: new users get random ones, others keep theirs',
  'write_points and all let a user write points here; in Kapacitor itself they did not (docs/differences.md)',
];

/** All users of a native Kapacitor 1.6 or newer, by its users API. @throws CommandError */
export async function fetchUsers(options: FetchUsersOptions): Promise<Reading> {
  const base = checkedUrl(options.url);
  const entries: ImportEntry[] = [];
  for (;;) {
    const page = readUsersPage(await fetchPage(base, entries.length, options), entries.length);
    if (page === undefined) throw fault(base, 'its answer is no list of users');
    if (entries.length > 0 && isSame(page[0], entries.at(-PAGE_USERS))) {
      throw fault(base, 'it gives the same users again and again');
    }
    entries.push(...page);
    options.onPage?.(entries.length);
    if (page.length < PAGE_USERS) return { entries, notes: NOTES };
    if (entries.length >= MAX_USERS) throw fault(base, 'it has more than a million users');
  }
}

function isSame(one: ImportEntry | undefined, other: ImportEntry | undefined): boolean {
  return one?.name !== undefined && one.name === other?.name;
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw new CommandError('the source is not a URL', EXIT.usage);
  if (url.username !== '' || url.password !== '') {
    throw new CommandError(
      'the URL must not hold a password, which every user of this host could read: give --user and --password-file',
      EXIT.usage,
    );
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new CommandError('the URL must be http://HOST:PORT and nothing behind', EXIT.usage);
  }
  return url.origin;
}

async function fetchPage(
  base: string,
  offset: number,
  { credentials }: FetchUsersOptions,
): Promise<unknown> {
  const query = `fields=type&fields=permissions&offset=${offset}&limit=${PAGE_USERS}`;
  try {
    const response = await fetch(`${base}/kapacitor/v1/users?${query}`, {
      headers: credentials === undefined ? {} : { authorization: basic(credentials) },
      // Credentials go nowhere else.
      redirect: 'manual',
      signal: AbortSignal.timeout(PAGE_TIMEOUT_MS),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw fault(base, WORDS[response.status] ?? `it answered ${response.status}`);
    }
    return await readJson(base, response);
  } catch (thrown) {
    if (thrown instanceof CommandError) throw thrown;
    throw fault(base, reasonOf(thrown), thrown);
  }
}

const WORDS: Readonly<Record<number, string>> = {
  401: 'it answered 401: give an admin of it by --user, and the right password',
  403: 'it answered 403: the user must be an admin there',
  404: 'it has no users (404): Kapacitor has them from 1.6 on, with [auth] enabled = true',
};

function basic({ user, password }: NonNullable<FetchUsersOptions['credentials']>): string {
  return `Basic ${Buffer.from(`${user}:${password.reveal()}`).toString('base64')}`;
}

async function readJson(base: string, response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const body: ReadableStream<Uint8Array> | null = response.body;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_PAGE_BYTES) throw fault(base, 'its answer is too large');
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return undefined;
  }
}

/** `fetch` says only that it failed; its cause says why. */
function reasonOf(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return messageOf(thrown);
  if ('name' in thrown && thrown.name === 'TimeoutError') return 'it did not answer in time';
  return messageOf('cause' in thrown ? thrown.cause : thrown);
}

function fault(base: string, why: string, cause?: unknown): CommandError {
  return new CommandError(`cannot read the users of ${base}: ${why}`, EXIT.failed, { cause });
}
