import { KEYS } from './defaults.ts';
import type { Environment } from './environment.ts';
import type { Key } from './key.ts';
import { readText } from './read-text.ts';
import type { ReadFile } from './read-text.ts';
import type { Statement } from './statement.ts';

/** The name of a secret's systemd credential: `http-shared-secret`. */
export function credentialOf(key: Key<unknown>): string {
  return `${key.section}-${key.name}`;
}

/** The secrets that systemd hands over (LoadCredential=, SetCredential=) in $CREDENTIALS_DIRECTORY. */
export function readCredentials(env: Environment, readFile: ReadFile): readonly Statement[] {
  const directory = env['CREDENTIALS_DIRECTORY'] ?? '';
  if (directory === '') return [];
  return KEYS.filter((key) => key.kind.secret).flatMap((key): readonly Statement[] => {
    const path = `${directory}/${credentialOf(key)}`;
    const file = readText(readFile, path);
    if ('refused' in file && file.missing) return [];
    const origin = `credential ${credentialOf(key)}`;
    return [{ key, source: 'credential', origin, raw: path, inFile: true }];
  });
}
