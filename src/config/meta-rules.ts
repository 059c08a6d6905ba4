import { isDeepStrictEqual } from 'node:util';
import { isLoopback, parseAddress } from './address.ts';
import { usesMetaNodes } from './config.ts';
import type { AuthConfig, Config } from './config.ts';
import { DEFAULTS } from './defaults.ts';
import { labelOf } from './key.ts';
import type { Setting } from './reader.ts';
import type { Findings } from './statement.ts';

type Settings = ReadonlyMap<unknown, Setting>;

/** The rules that more than one key about meta nodes has a part in. */
export function checkMeta(config: Config, settings: Settings, findings: Findings): void {
  const { auth } = config;
  if (!usesMetaNodes(config)) {
    findings.warnings.push(...idleKeys(settings));
    return;
  }
  if (auth.metaUseTls) findings.problems.push(...halfPairs(auth));
  findings.warnings.push(
    ...credentialsTwice(auth),
    ...(auth.metaUseTls ? withoutCheck(auth) : [...withoutTls(auth), ...inTheClear(auth)]),
  );
}

/** Meta nodes have settings, but no address. */
function idleKeys(settings: Settings): readonly string[] {
  const { metaAddr } = DEFAULTS.auth;
  if (settings.get(metaAddr)?.sound !== true) return [];
  const idle = [...settings.values()].filter(
    ({ key, plain, origin }) =>
      key.name.startsWith('meta-') &&
      origin !== 'default' &&
      !isDeepStrictEqual(plain, key.default),
  );
  if (idle.length === 0) return [];
  const names = idle.map(({ key }) => key.name).join(', ');
  const verb = idle.length === 1 ? 'has' : 'have';
  return [`${names} of [auth] ${verb} no effect while ${labelOf(metaAddr)} is empty`];
}

function halfPairs({ metaCert, metaKey }: AuthConfig): readonly string[] {
  if ((metaCert === '') === (metaKey === '')) return [];
  const { metaCert: cert, metaKey: key } = DEFAULTS.auth;
  const [said, missing] = metaCert === '' ? [key, cert] : [cert, key];
  return [`${labelOf(said)} is set, but not ${missing.name}: a client certificate needs both`];
}

function credentialsTwice({ metaUsername, metaPassword, ...auth }: AuthConfig): readonly string[] {
  if (auth.metaInternalSharedSecret.isEmpty) {
    if (metaPassword.isEmpty || metaUsername !== '') return [];
    return ['meta-password of [auth] has no effect while meta-username is empty'];
  }
  if (metaUsername === '') return [];
  return [
    'meta-username of [auth] has no effect while meta-internal-shared-secret is set: ' +
      'the secret is taken. Remove one of them',
  ];
}

/** Files are named for TLS, and TLS is off. */
function withoutTls(auth: AuthConfig): readonly string[] {
  const keys = DEFAULTS.auth;
  const idle = [
    ...(auth.metaCa === '' ? [] : [keys.metaCa]),
    ...(auth.metaCert === '' ? [] : [keys.metaCert]),
    ...(auth.metaKey === '' ? [] : [keys.metaKey]),
    ...(auth.metaInsecureSkipVerify ? [keys.metaInsecureSkipVerify] : []),
  ];
  if (idle.length === 0) return [];
  const names = idle.map(({ name }) => name).join(', ');
  const verb = idle.length === 1 ? 'has' : 'have';
  return [`${names} of [auth] ${verb} no effect while meta-use-tls is false`];
}

function withoutCheck({ metaInsecureSkipVerify, metaCa }: AuthConfig): readonly string[] {
  if (!metaInsecureSkipVerify) return [];
  const ca = metaCa === '' ? '' : ', and meta-ca has no effect';
  return [
    `meta-insecure-skip-verify of [auth] is on: whoever answers is taken for a meta node${ca}. ` +
      'Name the authority of its certificate in meta-ca instead',
  ];
}

/** What is said to another machine without TLS can be read and changed on the way. */
function inTheClear({ metaAddr }: AuthConfig): readonly string[] {
  const far = metaAddr.filter((each) => {
    const address = parseAddress(each);
    return 'refused' in address || !isLoopback(address.host);
  });
  if (far.length === 0) return [];
  return [
    `${far.join(', ')} of [auth] meta-addr: not encrypted, so the gateway's own password, hashes of users and ` +
      'the passwords of LDAP users travel in the clear. Set meta-use-tls where the meta nodes have TLS',
  ];
}
