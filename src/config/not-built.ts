import { isDeepStrictEqual } from 'node:util';
import { DEFAULTS } from './defaults.ts';
import { labelOf } from './key.ts';
import type { Key } from './key.ts';
import { tomlOf } from './settings.ts';
import { defaultOf } from './reader.ts';
import type { Setting } from './reader.ts';

interface NotBuilt {
  readonly key: Key<unknown>;
}

const { http } = DEFAULTS;

/** Keys whose part is not there yet: away from their default they are refused. A part that is built takes its row out. */
const NOT_BUILT: readonly NotBuilt[] = [{ key: http.workers }];

/** True where the part behind a key is there. */
export function isBuilt(key: Key<unknown>): boolean {
  return !NOT_BUILT.some((each) => each.key === key);
}

/** A problem for each key that asks for what is not built. */
export function notBuilt(settings: ReadonlyMap<Key<unknown>, Setting>): readonly string[] {
  return NOT_BUILT.flatMap(({ key }) => {
    const setting = settings.get(key);
    const usual = defaultOf(key);
    if (setting === undefined) return [];
    if (isDeepStrictEqual(setting.value, usual.value)) return [];
    const said = tomlOf(setting.plain);
    return [
      `${labelOf(key)}: found ${said} in ${setting.origin}: this is not built yet. ` +
        `Allowed: ${tomlOf(usual.plain)}`,
    ];
  });
}
