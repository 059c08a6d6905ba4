import { describe, expect, test } from '@jest/globals';
import type { AuthConfig } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { checkMeta } from '../../src/config/meta-rules.ts';
import type { Findings } from '../../src/config/statement.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { filesOf } from './files.ts';

const { config } = loadConfig({ env: {}, readFile: filesOf({}) });
const NEAR = ['127.0.0.1:8091', 'localhost:8091', '[::1]:8091'];

/** What is said of a configuration with meta nodes on this machine, apart from `auth`. */
function judge(auth: Partial<AuthConfig>): Findings {
  const findings: Findings = { problems: [], warnings: [] };
  checkMeta({ ...config, auth: { ...config.auth, metaAddr: NEAR, ...auth } }, new Map(), findings);
  return findings;
}

describe('checkMeta', () => {
  test('a meta node on this machine, by user and password or by secret, is as it should be', () => {
    const nothing = { problems: [], warnings: [] };
    expect(judge({})).toEqual(nothing);
    expect(judge({ metaUsername: 'kapgate', metaPassword: new Secret('p') })).toEqual(nothing);
    expect(judge({ metaInternalSharedSecret: new Secret('s') })).toEqual(nothing);
    expect(judge({ metaUseTls: true, metaCa: '/ca', metaCert: '/c', metaKey: '/k' })).toEqual(
      nothing,
    );
    expect(judge({ metaUseTls: true, metaAddr: ['meta1:8091'] })).toEqual(nothing);
  });

  const PROBLEMS: readonly (readonly [Partial<AuthConfig>, string])[] = [
    [
      { metaUseTls: true, metaCert: '/c' },
      '[auth] meta-cert is set, but not meta-key: a client certificate needs both',
    ],
    [
      { metaUseTls: true, metaKey: '/k' },
      '[auth] meta-key is set, but not meta-cert: a client certificate needs both',
    ],
  ];

  test.each(PROBLEMS)('%j is refused', (auth, problem) => {
    expect(judge(auth)).toEqual({ problems: [problem], warnings: [] });
  });

  const WARNINGS: readonly (readonly [string, Partial<AuthConfig>, string])[] = [
    [
      'user and secret',
      { metaUsername: 'kapgate', metaInternalSharedSecret: new Secret('s') },
      'meta-username of [auth] has no effect while meta-internal-shared-secret is set',
    ],
    [
      'a password of nobody',
      { metaPassword: new Secret('CANARY') },
      'meta-password of [auth] has no effect while meta-username is empty',
    ],
    [
      'files without TLS',
      { metaCa: '/ca', metaCert: '/c', metaInsecureSkipVerify: true },
      'meta-ca, meta-cert, meta-insecure-skip-verify of [auth] have no effect while meta-use-tls',
    ],
    [
      'TLS without a check',
      { metaUseTls: true, metaInsecureSkipVerify: true, metaCa: '/ca' },
      'whoever answers is taken for a meta node, and meta-ca has no effect',
    ],
    [
      'another machine without TLS',
      { metaAddr: ['127.0.0.1:8091', 'meta1:8091', '10.0.0.1:8091'] },
      'meta1:8091, 10.0.0.1:8091 of [auth] meta-addr: not encrypted',
    ],
  ];

  test.each(WARNINGS)('%s is warned of', (_, auth, warning) => {
    const { problems, warnings } = judge(auth);
    expect(problems).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining(warning)]);
    expect(warnings.join()).not.toContain('CANARY');
  });
});

describe('loadConfig of meta-admins', () => {
  test('a role without a name is refused', () => {
    const text = '[auth]\nmeta-admins = ["root", "role:"]';
    expect(() => loadConfig({ env: {}, readFile: filesOf({ './gateway.toml': text }) })).toThrow(
      '[auth] meta-admins: found a list in ./gateway.toml: the name of a role is missing behind "role:"',
    );
  });
});
