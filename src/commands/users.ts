import { createPasswords } from '../authenticate/password.ts';
import { judgePassword } from '../authenticate/password-rule.ts';
import { readPermission, shownPermissions } from '../authorize/permissions.ts';
import type { Loaded } from '../config/load.ts';
import type { Secret } from '../kernel/secret.ts';
import { judgeName } from '../users/name.ts';
import type { UserRecord } from '../users/record.ts';
import type { UserChange } from '../users/change.ts';
import type { UserStore } from '../users/store.ts';
import { askPassword } from './ask-password.ts';
import type { PasswordSource } from './ask-password.ts';
import type { ChangeLog } from './change-log.ts';
import { inChunks } from './chunks.ts';
import type { Context } from './context.ts';
import { withStore } from './local-store.ts';
import { table } from './table.ts';
import { CommandError, EXIT } from './terminal.ts';

interface Listing {
  readonly json?: boolean | undefined;
}

/** What is shown of a user. Their hash is nobody's business. */
type Shown = Pick<UserRecord, 'name' | 'permissions' | 'created' | 'changed'> & {
  readonly type: 'admin' | 'normal';
};

/** A line a user, as they come from the store: a hundred thousand are never held at once, however slowly they are read. */
export function listUsers(context: Context, { json }: Listing): Promise<number> {
  return withStore(context, async (store) => {
    const { out, err, drained, isInteractive } = context.terminal;
    if (isInteractive && store.summary().users === 0) {
      err('there are no users yet: kapgate users add NAME --admin makes the first\n');
    }
    for (const chunk of inChunks(json === true ? jsonLines(store) : textLines(store))) {
      out(chunk);
      // A pipe takes 64 KiB, and then waits for its reader.
      await drained?.();
    }
    return EXIT.ok;
  });
}

function* jsonLines(store: UserStore): Iterable<string> {
  for (const record of store.list()) yield JSON.stringify(shown(record));
}

function* textLines(store: UserStore): Iterable<string> {
  let widest = 'NAME'.length;
  for (const name of store.names()) widest = Math.max(widest, name.length);
  const line = (name: string, type: string, permissions: string): string =>
    `${name.padEnd(widest)}  ${type.padEnd(6)}  ${permissions}`.trimEnd();
  yield line('NAME', 'TYPE', 'PERMISSIONS');
  for (const record of store.list()) {
    const { name, type, permissions } = shown(record);
    yield line(name, type, permissions.join(' '));
  }
}

export function showUser(context: Context, name: string, { json }: Listing): Promise<number> {
  refuse(judgeName(name));
  return withStore(context, (store) => {
    const user = shown(existing(store, name));
    context.terminal.out(
      json === true
        ? `${JSON.stringify(user, undefined, 2)}\n`
        : table(
            ['NAME', 'TYPE', 'PERMISSIONS', 'CREATED', 'CHANGED'],
            [[user.name, user.type, user.permissions.join(' ') || '-', user.created, user.changed]],
          ),
    );
    return EXIT.ok;
  });
}

export interface AddOptions extends PasswordSource {
  readonly admin?: boolean | undefined;
  readonly permission: readonly string[];
}

export function addUser(context: Context, name: string, options: AddOptions): Promise<number> {
  refuse(judgeName(name));
  const permissions = checkedPermissions(options.permission);
  if (options.admin === true && permissions.length > 0) {
    throw new CommandError(
      'an admin may do all: --admin and --permission exclude each other',
      EXIT.usage,
    );
  }
  return withStore(context, async (store, loaded, changes) => {
    if (store.get(name) !== undefined) throw alreadyThere(name);
    const hash = await newHash(context, loaded, options, `Password for ${name}`);
    const user = { name, admin: options.admin === true, hash, permissions };
    if ((await store.create(user)) === 'exists') throw alreadyThere(name);
    const type = user.admin ? 'admin' : 'normal';
    changes.note([{ ...USERS, action: 'created', name, type, permissions }]);
    return done(context, `added ${user.admin ? 'admin' : 'user'} ${name}`);
  });
}

export function changePassword(
  context: Context,
  name: string,
  source: PasswordSource,
): Promise<number> {
  refuse(judgeName(name));
  return withStore(context, async (store, loaded, changes) => {
    existing(store, name);
    const hash = await newHash(context, loaded, source, `New password for ${name}`);
    await update(store, changes, name, { hash });
    return done(context, `changed the password of ${name}; the old one is refused from now on`);
  });
}

/** `admin` stands for the type, every other word is a permission. */
export function grant(context: Context, name: string, words: readonly string[]): Promise<number> {
  refuse(judgeName(name));
  const permissions = checkedPermissions(words.filter((word) => word !== 'admin'));
  return withStore(context, async (store, _, changes) => {
    const before = existing(store, name);
    if (words.includes('admin')) {
      if (permissions.length > 0) {
        throw new CommandError(
          'an admin may do all: grant either admin or permissions',
          EXIT.usage,
        );
      }
      await update(store, changes, name, { admin: true });
      return done(context, `${name} is an admin`);
    }
    if (before.admin) throw new CommandError(`${name} is an admin and may do all already`);
    const after = await update(store, changes, name, {
      permissions: [...before.permissions, ...permissions],
    });
    return done(context, `${name} has ${listOf(after)}`);
  });
}

/** Permissions may be named as they were given, or as they are shown: three of Kapacitor's make up `all`. */
export function revoke(context: Context, name: string, words: readonly string[]): Promise<number> {
  refuse(judgeName(name));
  checkedPermissions(words.filter((word) => word !== 'admin'));
  return withStore(context, async (store, _, changes) => {
    const before = existing(store, name);
    const held = takenApart(before.permissions);
    const missing = words.find((word) =>
      word === 'admin' ? !before.admin : takenApart([word]).some((part) => !held.includes(part)),
    );
    if (missing !== undefined) {
      throw new CommandError(`${name} does not have ${missing}: ${name} has ${listOf(before)}`);
    }
    const taken = takenApart(words);
    const after = await update(store, changes, name, {
      ...(words.includes('admin') ? { admin: false } : {}),
      permissions: held.filter((each) => !taken.includes(each)),
    });
    return done(context, `${name} has ${listOf(after)}`);
  });
}

export function deleteUser(context: Context, name: string): Promise<number> {
  refuse(judgeName(name));
  return withStore(context, async (store, _, changes) => {
    const result = await store.delete(name);
    if (result === 'unknown') throw unknownUser(name);
    if (result === 'last-admin') throw lastAdmin(name);
    changes.note([{ ...USERS, action: 'deleted', name }]);
    return done(context, `deleted ${name}; requests of theirs are refused from now on`);
  });
}

async function newHash(
  { terminal }: Context,
  { config }: Loaded,
  source: PasswordSource,
  prompt: string,
): Promise<string> {
  const password: Secret = await askPassword(terminal, source, prompt);
  refuse(judgePassword(password.reveal()));
  return createPasswords({ cost: config.auth.bcryptCost }).hash(password);
}

const USERS = { event: 'users changed' } as const;

async function update(
  store: UserStore,
  changes: ChangeLog,
  name: string,
  change: UserChange,
): Promise<UserRecord> {
  const after = await store.update(name, change);
  if (after === 'unknown') throw unknownUser(name);
  if (after === 'last-admin') throw lastAdmin(name);
  changes.note([
    {
      ...USERS,
      action: 'updated',
      name,
      ...(change.hash === undefined ? {} : { password: 'changed' }),
      ...(change.admin === undefined ? {} : { type: after.admin ? 'admin' : 'normal' }),
      ...(change.permissions === undefined ? {} : { permissions: after.permissions }),
    },
  ]);
  return after;
}

function existing(store: UserStore, name: string): UserRecord {
  const record = store.get(name);
  if (record === undefined) throw unknownUser(name);
  return record;
}

function checkedPermissions(words: readonly string[]): readonly string[] {
  for (const word of words) {
    const permission = readPermission(word);
    if ('refused' in permission) throw new CommandError(permission.refused, EXIT.usage);
  }
  return words;
}

/** `all` as what it stands for, so that a part of it can be taken away. */
function takenApart(permissions: readonly string[]): readonly string[] {
  return permissions.flatMap((each) =>
    each === 'all' ? ['api', 'config_api', 'write_points'] : [each],
  );
}

function shown({ name, admin, permissions, created, changed }: UserRecord): Shown {
  const type = admin ? 'admin' : 'normal';
  return { name, type, permissions: shownPermissions(permissions), created, changed };
}

function listOf({ admin, permissions }: UserRecord): string {
  if (admin) return 'all rights of an admin';
  return shownPermissions(permissions).join(' ') || 'no permissions';
}

function refuse(fault: string | undefined): void {
  if (fault !== undefined) throw new CommandError(fault, EXIT.usage);
}

function unknownUser(name: string): CommandError {
  return new CommandError(`there is no user "${name}": kapgate users list shows all`);
}

function alreadyThere(name: string): CommandError {
  return new CommandError(
    `user "${name}" exists already: kapgate users passwd or grant change them`,
  );
}

function lastAdmin(name: string): CommandError {
  return new CommandError(
    `"${name}" is the last admin: make another first, with kapgate users grant NAME admin`,
  );
}

function done({ terminal }: Context, message: string): number {
  terminal.err(`${message}\n`);
  return EXIT.ok;
}
