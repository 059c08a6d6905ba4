import { PRIVILEGES } from '../../src/kernel/privilege.ts';

/** A list of permissions with one privilege less, in every way: a privilege of one, or one of a single privilege whole. */
export function lessened(permissions: readonly string[]): readonly (readonly string[])[] {
  return permissions.flatMap((permission, index) =>
    withoutOne(permission).map((less) => [
      ...permissions.slice(0, index),
      ...less,
      ...permissions.slice(index + 1),
    ]),
  );
}

function withoutOne(permission: string): readonly (readonly string[])[] {
  if (permission.startsWith('write_points')) return [[]];
  const [, name = permission, list] =
    /^(.*?)(?::((?:read|write|delete)(?:,(?:read|write|delete))*))?$/.exec(permission) ?? [];
  const privileges = list?.split(',') ?? PRIVILEGES;
  return privileges.map((gone) => {
    const left = privileges.filter((each) => each !== gone);
    return left.length === 0 ? [] : [`${name}:${left.join(',')}`];
  });
}
