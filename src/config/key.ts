import type { Config } from './config.ts';

/** A value as TOML writes it. */
export type Plain = string | number | boolean | readonly string[];

/** What a value decodes to, and how it is shown again; or why it is none. */
export type Decoded<T> =
  { readonly value: T; readonly plain: Plain } | { readonly refused: string };

/** How the values of a key are written. */
export interface Kind<T> {
  /** What is allowed, to follow "Allowed:"; with the unit, where there is one. */
  readonly allowed: string;
  /** Its values are never shown, and can be read from a file of their own. */
  readonly secret: boolean;
  /** Decodes a value as TOML gives it. */
  decode(found: unknown): Decoded<T>;
  /** The text of an environment variable as the TOML value that it stands for; left as it is where it is none. */
  fromText(text: string): unknown;
}

/** One key of the configuration: a row of the table that everything about it is read from. */
export interface Key<T> {
  readonly section: keyof Config;
  readonly name: string;
  /** One line of explanation. */
  readonly meaning: string;
  readonly default: Plain;
  readonly kind: Kind<T>;
}

/** The keys of a section of the configuration, by the field that each one fills. */
export type KeysOf<Section> = { readonly [Field in keyof Section]: Key<Section[Field]> };

/** A key as operators know it: `[http] bind-address`. */
export function labelOf(key: { readonly section: string; readonly name: string }): string {
  return `[${key.section}] ${key.name}`;
}

/** The name of a key's environment variable behind KAPGATE_ or KAPACITOR_: `HTTP_BIND_ADDRESS`. */
export function variableOf(key: { readonly section: string; readonly name: string }): string {
  return `${key.section}_${key.name}`.replaceAll('-', '_').toUpperCase();
}
