import { describe, expect, test } from '@jest/globals';
import { KEYS } from '../../src/config/defaults.ts';
import {
  namesOf,
  noteUnknownVariables,
  readKapacitorVariables,
  readOwnVariables,
} from '../../src/config/environment.ts';
import type { Environment } from '../../src/config/environment.ts';
import { labelOf } from '../../src/config/key.ts';
import type { Findings, Statement } from '../../src/config/statement.ts';

type Read = (env: Environment, findings: Findings) => readonly Statement[];

function said(read: Read, env: Environment): Record<string, unknown> {
  const statements = read(env, { problems: [], warnings: [] });
  return Object.fromEntries(statements.map(({ key, raw }) => [labelOf(key), raw]));
}

function noted(env: Environment): Findings {
  const findings: Findings = { problems: [], warnings: [] };
  noteUnknownVariables(env, findings);
  return findings;
}

describe('readOwnVariables', () => {
  test('every key has its variable', () => {
    for (const key of KEYS) {
      const name = `KAPGATE_${key.section}_${key.name}`.toUpperCase().replaceAll('-', '_');
      expect(namesOf(key)[0]).toBe(name);
      expect(said(readOwnVariables, { [name]: '1' })).toHaveProperty([labelOf(key)]);
    }
  });

  test('a text becomes what TOML would have said', () => {
    const env = {
      KAPGATE_HTTP_LOG_ENABLED: 'F',
      KAPGATE_HTTP_CHALLENGE: 'true',
      KAPGATE_HTTP_WORKERS: '4',
      KAPGATE_HTTP_ALLOWED_ORIGINS: 'https://a.example, https://b.example,',
      KAPGATE_HTTP_BIND_ADDRESS: ':1',
      KAPGATE_AUTH_BCRYPT_COST: '0x0a',
    };
    expect(said(readOwnVariables, env)).toEqual({
      '[http] log-enabled': false,
      '[http] challenge': true,
      '[http] workers': 4,
      '[http] allowed-origins': ['https://a.example', 'https://b.example'],
      '[http] bind-address': ':1',
      '[auth] bcrypt-cost': '0x0a',
    });
  });

  test('an empty one is the empty value', () => {
    const env = { KAPGATE_ADMIN_BIND_ADDRESS: '', KAPGATE_LOG_FILE: undefined };
    expect(said(readOwnVariables, env)).toEqual({ '[admin] bind-address': '' });
  });
});

describe('readKapacitorVariables', () => {
  test('only [http] and [auth] have them, and an empty one is not set', () => {
    const env = {
      KAPACITOR_HTTP_SHARED_SECRET: 'secret',
      KAPACITOR_AUTH_META_USERNAME: 'kapauser',
      KAPACITOR_AUTH_META_PASSWORD: '',
      KAPACITOR_LOG_LEVEL: 'debug',
      KAPACITOR_UPSTREAM_URL: 'http://x',
    };
    expect(said(readKapacitorVariables, env)).toEqual({
      '[http] shared-secret': 'secret',
      '[auth] meta-username': 'kapauser',
    });
  });

  test('the two other spellings are read, and yield to the regular ones', () => {
    const other = { KAPACITOR_AUTH_BCRYPT: '5', 'KAPACITOR_AUTH_META_USE-tls': 'true' };
    expect(said(readKapacitorVariables, other)).toEqual({
      '[auth] bcrypt-cost': 5,
      '[auth] meta-use-tls': true,
    });
    const regular = { KAPACITOR_AUTH_BCRYPT_COST: '6', KAPACITOR_AUTH_META_USE_TLS: 'false' };
    expect(said(readKapacitorVariables, { ...other, ...regular })).toEqual({
      '[auth] bcrypt-cost': 6,
      '[auth] meta-use-tls': false,
    });
  });

  test('KAPACITOR_HTTP_BIND_ADDRESS is ignored with a warning', () => {
    const findings: Findings = { problems: [], warnings: [] };
    const env = { KAPACITOR_HTTP_BIND_ADDRESS: ':9192' };
    expect(readKapacitorVariables(env, findings)).toEqual([]);
    expect(findings.warnings).toEqual([
      "KAPACITOR_HTTP_BIND_ADDRESS is ignored: it says where Kapacitor listens; the gateway's own is KAPGATE_HTTP_BIND_ADDRESS",
    ]);
  });
});

describe('noteUnknownVariables', () => {
  test('an unknown key of ours is a problem', () => {
    expect(noted({ KAPGATE_HTTP_BIND_ADRESS: ':1', KAPGATE_HTTP_PORT: '9092' })).toEqual({
      problems: [
        'KAPGATE_HTTP_BIND_ADRESS: unknown variable; did you mean KAPGATE_HTTP_BIND_ADDRESS?',
        'KAPGATE_HTTP_PORT: unknown variable',
      ],
      warnings: [],
    });
  });

  test('what is not of one of our sections, or said to Kapacitor, is only noted', () => {
    const env = { KAPGATE_UPSTREM_URL: 'x', KAPACITOR_HTTP_WRITE_TRACING: 'true' };
    expect(noted(env)).toEqual({
      problems: [],
      warnings: [
        'KAPGATE_UPSTREM_URL is no variable of the gateway; did you mean KAPGATE_UPSTREAM_URL?',
        'KAPACITOR_HTTP_WRITE_TRACING has no meaning for the gateway: it is ignored',
      ],
    });
  });

  test('what Kubernetes and Docker set for services of such names is passed over', () => {
    const env = {
      KAPGATE_SERVICE_HOST: '10.0.0.1',
      KAPGATE_SERVICE_PORT_HTTP: '9092',
      KAPGATE_PORT: 'tcp://10.0.0.1:9092',
      KAPGATE_PORT_9092_TCP_ADDR: '10.0.0.1',
      KAPGATE_ADMIN_SERVICE_HOST: '10.0.0.1',
      KAPACITOR_HTTP_PORT_9092_TCP: 'tcp://10.0.0.1:9092',
      KAPACITOR_INFLUXDB_0_URLS_0: 'http://influxdb:8086',
      KAPACITOR_URL: 'http://localhost:9092',
      KAPGATE_CONFIG: 'gateway.toml',
      PATH: '/bin',
    };
    expect(noted(env)).toEqual({ problems: [], warnings: [] });
  });
});
