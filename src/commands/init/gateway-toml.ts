import { DEFAULTS, SECTIONS } from '../../config/defaults.ts';
import { labelOf } from '../../config/key.ts';
import type { Key, Plain } from '../../config/key.ts';
import { tomlOf } from '../../config/settings.ts';
import { flagOf, textOf } from './conf.ts';
import type { KapacitorConf, Section } from './conf.ts';

/** A gateway.toml to be written. */
export interface GatewayToml {
  readonly text: string;
  /** True where the text holds a secret in clear. */
  readonly holdsSecret: boolean;
  /** What could not be taken over, a sentence each. */
  readonly warnings: readonly string[];
}

interface Taken {
  readonly key: Key<unknown>;
  readonly raw: unknown;
}

const { http, auth, upstream, log } = DEFAULTS;

/** Makes the gateway's file from what a kapacitor.conf says: nothing in it opens the gate. */
export function gatewayToml(
  conf: KapacitorConf,
  { source, upstreamUrl }: { readonly source: string; readonly upstreamUrl: string },
): GatewayToml {
  const warnings: string[] = [];
  const taken = [...fromHttp(conf), ...fromAuth(conf.auth), ...fromLogging(conf.logging)];
  const lines = [
    { key: upstream.url, line: lineOf(upstream.url, upstreamUrl) },
    ...taken.flatMap(({ key, raw }) => {
      const decoded = key.kind.decode(raw);
      if ('refused' in decoded) {
        warnings.push(`${labelOf(key)} is not taken over: ${decoded.refused}`);
        return [];
      }
      return isDefault(key, decoded.plain) ? [] : [{ key, line: lineOf(key, raw) }];
    }),
  ];
  const sections = SECTIONS.map((section) => ({
    section,
    own: lines.filter(({ key }) => key.section === section),
  }))
    .filter(({ own }) => own.length > 0)
    .map(({ section, own }) => `\n[${section}]\n${own.map(({ line }) => `${line}\n`).join('')}`);
  return {
    text: `${head(source)}${sections.join('')}`,
    holdsSecret: lines.some(({ key }) => key.kind.secret),
    warnings,
  };
}

function head(source: string): string {
  return (
    `# The configuration of Kapgate, made by kapgate init from ${JSON.stringify(source)}.\n` +
    '# Only what differs from the defaults stands here: `kapgate config` prints all of it.\n'
  );
}

function fromHttp({ bindAddress, http: said }: KapacitorConf): readonly Taken[] {
  const tls = flagOf(said, 'https-enabled') === true;
  return [
    { key: http.bindAddress, raw: bindAddress },
    ...(tls ? given(said, [http.httpsEnabled, http.httpsCertificate, http.httpsPrivateKey]) : []),
    ...given(said, [http.sharedSecret, http.logEnabled, http.shutdownTimeoutMs]),
  ];
}

/** The stock file names a meta node that nobody has, beside `enabled = false`: then nothing is taken. */
function fromAuth(said: Section): readonly Taken[] {
  if (flagOf(said, 'enabled') !== true) return [];
  const local = given(said, [auth.cacheExpirationMs, auth.bcryptCost]);
  if (textOf(said, auth.metaAddr.name) === undefined) return local;
  const tls = flagOf(said, auth.metaUseTls.name) === true;
  return [
    ...local,
    ...given(said, [
      auth.metaAddr,
      auth.metaUsername,
      auth.metaPassword,
      auth.metaInternalSharedSecret,
    ]),
    // Kapacitor reads these only where it speaks TLS; the stock file names paths that are not there.
    ...(tls
      ? given(said, [
          auth.metaUseTls,
          auth.metaCa,
          auth.metaCert,
          auth.metaKey,
          auth.metaInsecureSkipVerify,
        ])
      : []),
  ];
}

/** The file is not taken: two programs that write to one log tear each other's lines. */
function fromLogging(said: Section): readonly Taken[] {
  const level = textOf(said, 'level')?.toLowerCase();
  return level === undefined ? [] : [{ key: log.level, raw: level === 'off' ? 'error' : level }];
}

/** What is said of these keys; an empty text says nothing. */
function given(said: Section, keys: readonly Key<unknown>[]): readonly Taken[] {
  return keys
    .map((key) => ({ key, raw: said[key.name] }))
    .filter(({ raw }) => raw !== undefined && raw !== '');
}

/** Where the gateway listens is always said: that is what the file is for. */
function isDefault(key: Key<unknown>, plain: Plain): boolean {
  return key !== http.bindAddress && plain === key.default;
}

/** From the raw value: a secret's plain one is redacted. */
function lineOf({ name }: Key<unknown>, raw: unknown): string {
  return typeof raw === 'string' || typeof raw === 'number' || typeof raw === 'boolean'
    ? `${name} = ${tomlOf(raw)}`
    : `# ${name}`;
}
