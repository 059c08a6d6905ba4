import { readPermission } from '../../authorize/permissions.ts';
import { MAX_STORED_COST } from '../../kernel/bcrypt-hash.ts';
import { isUrl } from '../../users/import/format.ts';
import type { ImportFormat } from '../../users/import/format.ts';
import type { PasswordSource } from '../ask-password.ts';
import { CommandError, EXIT } from '../terminal.ts';

/** As the command line has them. */
export interface ImportOptions extends PasswordSource {
  readonly format: ImportFormat | 'auto';
  readonly apply?: boolean | undefined;
  readonly json?: boolean | undefined;
  readonly permission: readonly string[];
  readonly maxCost?: string | undefined;
  /** Who asks a Kapacitor for its users. */
  readonly user?: string | undefined;
  /** Where the passwords of a Kapacitor's users are written. */
  readonly passwords?: string | undefined;
}

/**
 * The bcrypt cost above which a hash is refused unless the configuration's own is higher: every failed login takes as
 * long as the dearest hash of the store, at 14 about a second of a core (docs/decisions/0017).
 */
const MAX_COST = 14;

/** What the options say of the source's format; undefined: to be found out. @throws CommandError usage */
export function askedFormat(source: string, options: ImportOptions): ImportFormat | undefined {
  const { format } = options;
  const known = format === 'auto' ? undefined : format;
  if (known !== undefined && (known === 'kapacitor') !== isUrl(source)) {
    throw usage('the format kapacitor, and no other, is read from a URL: http://HOST:9092');
  }
  if (!isUrl(source)) refuseOptionsOfUrls(options);
  return known ?? (isUrl(source) ? 'kapacitor' : undefined);
}

/** @throws CommandError usage where permissions are given to a source that has its own, or cannot be read */
export function checkedPermissions(
  format: ImportFormat,
  permissions: readonly string[],
): readonly string[] {
  if (permissions.length > 0 && (format === 'kapgate' || format === 'kapacitor')) {
    throw usage('--permission is for htpasswd and vmauth: the other formats say who may do what');
  }
  for (const text of permissions) {
    const permission = readPermission(text);
    if ('refused' in permission) throw usage(permission.refused);
  }
  return permissions;
}

/** The highest cost that is taken. @throws CommandError usage */
export function checkedMaxCost(text: string | undefined, configured: number): number {
  if (text === undefined) return Math.max(MAX_COST, configured);
  const cost = Number(text);
  if (!Number.isInteger(cost) || cost < 4 || cost > MAX_STORED_COST) {
    throw usage(
      `--max-cost ${JSON.stringify(text)}: allowed is a whole number from 4 to ${MAX_STORED_COST}`,
    );
  }
  return cost;
}

function refuseOptionsOfUrls(options: ImportOptions): void {
  const { user, passwords, passwordFile, passwordStdin } = options;
  if ([user, passwords, passwordFile, passwordStdin].some((each) => each !== undefined)) {
    throw usage('--user, its password and --passwords are for the users of a Kapacitor, by a URL');
  }
}

function usage(message: string): CommandError {
  return new CommandError(message, EXIT.usage);
}
