import { SECTIONS } from './defaults.ts';
import type { Plain } from './key.ts';
import type { Setting } from './reader.ts';

/** A setting in JSON: by section and key, the value and who said it. */
export type SettingsJson = Readonly<
  Record<string, Readonly<Record<string, { readonly value: Plain; readonly origin: string }>>>
>;

/** The effective configuration as aligned lines, the origin of each behind it; secrets are `[redacted]`. */
export function renderSettings(settings: readonly Setting[]): string {
  const lines = settings.map((setting) => ({
    setting,
    name: setting.key.name,
    value:
      setting.key.kind.secret && setting.plain !== ''
        ? String(setting.plain)
        : tomlOf(setting.plain),
  }));
  const nameWidth = Math.max(...lines.map(({ name }) => name.length));
  const valueWidth = Math.max(
    ...lines.map(({ value }) => value.length).filter((width) => width <= 40),
  );
  return SECTIONS.map((section) => {
    const own = lines.filter(({ setting }) => setting.key.section === section);
    const rows = own.map(
      ({ name, value, setting }) =>
        `${name.padEnd(nameWidth)} = ${value.padEnd(valueWidth)}  # ${setting.origin}\n`,
    );
    return `[${section}]\n${rows.join('')}`;
  }).join('\n');
}

/** The effective configuration as a value for JSON; secrets are `[redacted]`. */
export function settingsJson(settings: readonly Setting[]): SettingsJson {
  return Object.fromEntries(
    SECTIONS.map((section) => [
      section,
      Object.fromEntries(
        settings
          .filter(({ key }) => key.section === section)
          .map(({ key, plain, origin }) => [key.name, { value: plain, origin }]),
      ),
    ]),
  );
}

/** A value as TOML writes it. */
export function tomlOf(plain: Plain): string {
  if (typeof plain === 'object') return `[${plain.map(tomlOf).join(', ')}]`;
  return typeof plain === 'string' ? JSON.stringify(plain) : String(plain);
}
