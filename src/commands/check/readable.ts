import { accessSync, constants } from 'node:fs';
import { usesMetaNodes } from '../../config/config.ts';
import type { Config } from '../../config/config.ts';
import type { Loaded } from '../../config/load.ts';
import { pathsOf } from '../../listener/https-files.ts';
import { httpsFilesIn } from '../../wiring/https.ts';
import type { Finding } from './finding.ts';

/**
 * Files that root has read for the check, and the gateway's user cannot: it does not start. To be asked as the user that
 * the service is; access(2) leaves out whatever rights beyond that there are.
 */
export function readableFindings({ config, file, origins }: Loaded): readonly Finding[] {
  const paths = new Set([
    ...(file === undefined ? [] : [file]),
    ...origins.flatMap(({ secretFile }) => (secretFile === undefined ? [] : [secretFile])),
    ...(config.http.httpsEnabled ? pathsOf(httpsFilesIn(config)) : []),
    ...metaFilesIn(config),
    ...(config.upstream.ca === '' ? [] : [config.upstream.ca]),
  ]);
  return [...paths].filter(isBarred).map((path) => ({
    part: 'files',
    result: 'fault',
    detail: `the gateway's user cannot read ${path}: chgrp kapgate ${path}, and chmod 0640 (its directories must let it through)`,
  }));
}

function metaFilesIn({ auth }: Config): readonly string[] {
  const files = usesMetaNodes({ auth }) && auth.metaUseTls;
  return files ? [auth.metaCa, auth.metaCert, auth.metaKey].filter((path) => path !== '') : [];
}

/** One that is not there is told of elsewhere. */
function isBarred(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EACCES';
  }
}
