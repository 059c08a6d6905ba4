import type { Config } from './config.ts';
import { DEFAULTS } from './defaults.ts';
import { labelOf } from './key.ts';
import type { Setting } from './reader.ts';
import type { Findings } from './statement.ts';

/**
 * The rules that more than one key about TLS to clients has a part in. Who asks for client certificates and does not
 * get them would believe the gate closed that is not (CVE-2026-27586): that is a problem, and no warning.
 */
export function checkHttps(
  { http }: Config,
  settings: ReadonlyMap<unknown, Setting>,
  findings: Findings,
): void {
  const { httpsEnabled, httpsClientCa, httpsClientAuth } = DEFAULTS.http;
  const asked = http.httpsClientAuth === 'require' ? httpsClientAuth : httpsClientCa;
  const asks = http.httpsClientAuth === 'require' || http.httpsClientCa !== '';
  if (settings.get(httpsEnabled)?.sound !== true) return;
  if (asks && !http.httpsEnabled) {
    findings.problems.push(
      `${labelOf(asked)} asks for client certificates, and ${httpsEnabled.name} is false: nobody would be asked. ` +
        `Set ${httpsEnabled.name} = true as well`,
    );
  } else if (asks && http.httpsClientCa === '') {
    findings.problems.push(
      `${labelOf(httpsClientAuth)} is "require", and ${httpsClientCa.name} is empty: nobody would be asked. ` +
        `Name the authority of the certificates in ${httpsClientCa.name}`,
    );
  }
}
