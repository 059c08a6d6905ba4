import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from '../../config/config.ts';
import { messageOf } from '../../kernel/errors.ts';
import type { Finding } from './finding.ts';

/** Whether the files of [log] and [audit] can be appended to. To be asked as the user that the service is. */
export function logFindings({ log, audit }: Config): readonly Finding[] {
  const files = [
    { part: 'log', key: '[log] file', path: log.file },
    { part: 'audit', key: '[audit] file', path: audit.file },
  ];
  return files
    .filter(({ path }) => path !== '' && path !== '-')
    .map(({ part, key, path }): Finding => {
      const why = obstacleTo(path);
      return why === undefined
        ? { part, result: 'ok', detail: path }
        : {
            part,
            result: 'fault',
            detail: `${key} "${path}" cannot be written: ${why}; the gateway does not start without it`,
          };
    });
}

/** A file that is not there yet is made where its directory can be written. */
function obstacleTo(path: string): string | undefined {
  try {
    const there = statSync(path, { throwIfNoEntry: false });
    if (there?.isDirectory() === true) return 'it is a directory';
    accessSync(there === undefined ? dirname(path) : path, constants.W_OK);
    return undefined;
  } catch (cause) {
    return messageOf(cause);
  }
}
