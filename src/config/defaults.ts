import { AUTH_KEYS } from './auth-keys.ts';
import type { Config } from './config.ts';
import {
  ADMIN_KEYS,
  AUDIT_KEYS,
  LIMITS_KEYS,
  LOG_KEYS,
  STORE_KEYS,
  UPSTREAM_KEYS,
} from './gateway-keys.ts';
import { HTTP_KEYS } from './http-keys.ts';
import { labelOf } from './key.ts';
import type { Key, KeysOf } from './key.ts';

/** Every key with its default, meaning, unit and constraint: what parsing, variables and docs are read from. */
export const DEFAULTS: { readonly [Section in keyof Config]: KeysOf<Config[Section]> } = {
  http: HTTP_KEYS,
  auth: AUTH_KEYS,
  upstream: UPSTREAM_KEYS,
  store: STORE_KEYS,
  limits: LIMITS_KEYS,
  log: LOG_KEYS,
  admin: ADMIN_KEYS,
  audit: AUDIT_KEYS,
};

type KeyTable = Readonly<Record<string, Key<unknown>>>;

/** All keys, in the order in which they are shown. */
export const KEYS: readonly Key<unknown>[] = sectionsOf(DEFAULTS).flatMap((keys) =>
  Object.values(keys),
);

const BY_LABEL: ReadonlyMap<string, Key<unknown>> = new Map(KEYS.map((key) => [labelOf(key), key]));

/** The key of that section and name, if there is one. */
export function keyOf(section: string, name: string): Key<unknown> | undefined {
  return BY_LABEL.get(labelOf({ section, name }));
}

/** The names of the sections. */
export const SECTIONS: readonly string[] = Object.keys(DEFAULTS);

function sectionsOf(table: Readonly<Record<string, KeyTable>>): readonly KeyTable[] {
  return Object.values(table);
}
