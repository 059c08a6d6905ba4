import { describe, expect, test } from '@jest/globals';
import { authorize } from '../../src/authorize/authorize.ts';
import { grantsOf } from '../../src/authorize/permissions.ts';
import { requirementsOf } from '../../src/authorize/requirements.ts';
import type { Identity } from '../../src/kernel/identity.ts';
import { readTarget } from '../../src/kernel/target.ts';

function identity(permissions: string[], method: Identity['method'] = 'basic'): Identity {
  const admin = permissions.includes('admin');
  const grants = grantsOf(permissions.filter((each) => each !== 'admin'));
  return { name: 'stan', admin, grants, method };
}

/** Undefined where it is allowed, else the words of the refusal. */
function refusalOf(who: Identity, request: string): string | undefined {
  const [method = '', raw = ''] = request.split(' ');
  const reading = readTarget(method, raw);
  if (reading.kind !== 'target') throw new Error(`${raw} is not let through`);
  const decision = authorize(who, requirementsOf(reading.target));
  return decision.allowed ? undefined : decision.message;
}

const denied = (privilege: string, path: string): string =>
  `user stan does not have "${privilege}" privilege for API endpoint "${path}"`;

describe('authorize', () => {
  const allows = (permissions: string, ...requests: string[]): void => {
    for (const request of requests) {
      test(`[${permissions}] may ${request}`, () => {
        expect(refusalOf(identity(permissions.split(' ')), request)).toBeUndefined();
      });
    }
  };
  const denies = (permissions: string, ...requests: string[]): void => {
    for (const request of requests) {
      test(`[${permissions}] may not ${request}`, () => {
        expect(refusalOf(identity(permissions.split(' ')), request)).toMatch(
          /^user stan does not have "(?:read|write|delete)" privilege for /,
        );
      });
    }
  };

  describe('the permissions of Kapacitor', () => {
    allows('api', 'GET /kapacitor/v1/tasks', 'DELETE /kapacitor/v1/tasks/x', 'GET /nowhere');
    denies('api', 'GET /kapacitor/v1/config', 'POST /write?db=x', 'GET /kapacitor/v1/users');
    denies('api', 'GET /kapacitor/v1/storage/backup', 'POST /kapacitor/v1/loglevel');
    allows('config_api', 'POST /kapacitor/v1/config/influxdb', 'GET /kapacitor/v1/ping');
    denies('config_api', 'GET /kapacitor/v1/tasks', 'GET /kapacitor/v1preview/config');
    allows('write_points', 'POST /write?db=x', 'POST /kapacitor/v1/write?db=y');
    denies('write_points', 'GET /kapacitor/v1/tasks', 'POST /kapacitor/v1preview/write?db=x');
    allows('all', 'GET /kapacitor/v1/config', 'POST /write?db=x', 'GET /kapacitor/v1preview/logs');
    denies('all', 'GET /kapacitor/v1/users', 'POST /kapacitor/v1/sideload/reload');
    denies('none', 'GET /kapacitor/v1/ping');
    allows('none', 'HEAD /kapacitor/v1/ping');
    allows('admin', 'GET /kapacitor/v1/users', 'GET /kapacitor/v1/storage/backup');
    allows('api config_api', 'GET /kapacitor/v1/config', 'GET /kapacitor/v1/tasks');
  });

  describe('the finer permissions', () => {
    allows('api:read', 'GET /kapacitor/v1/tasks');
    denies('api:read', 'POST /kapacitor/v1/tasks', 'GET /kapacitor/v1/config', 'POST /write?db=x');
    allows('api:/tasks', 'DELETE /kapacitor/v1/tasks/x', 'GET /kapacitor/v1/tasks');
    denies('api:/tasks', 'GET /kapacitor/v1/templates', 'GET /kapacitor/v1/tasksx');
    allows('write_points:telegraf', 'POST /write?db=telegraf', 'GET /kapacitor/v1/ping');
    denies('write_points:telegraf', 'POST /write?db=other', 'POST /write?db=Telegraf');
    allows('write_points:a write_points:b', 'POST /write?db=a', 'POST /write?db=b');
    allows('config_api:read', 'GET /kapacitor/v1/config');
    denies('config_api:read', 'POST /kapacitor/v1/config/slack');
  });

  test("a nearer ancestor's denial wins", () => {
    const who = identity(['api', 'api:/tasks:read']);
    expect(refusalOf(who, 'DELETE /kapacitor/v1/tasks/x')).toBe(
      denied('delete', '/kapacitor/v1/tasks/x'),
    );
    expect(refusalOf(who, 'DELETE /kapacitor/v1/templates/x')).toBeUndefined();
  });

  test('a missing database privilege names the database', () => {
    expect(refusalOf(identity(['write_points:a']), 'POST /write?db=b')).toBe(
      'user stan does not have "write" privilege for database "b"',
    );
  });

  test('a preview refusal names the path that was missing a grant', () => {
    expect(refusalOf(identity(['config_api']), 'GET /kapacitor/v1preview/config')).toBe(
      denied('read', '/kapacitor/v1preview/config'),
    );
    expect(refusalOf(identity(['api']), 'GET /kapacitor/v1preview/config')).toBe(
      denied('read', '/kapacitor/v1/config'),
    );
  });

  describe('their own record', () => {
    const own = 'PATCH /kapacitor/v1/users/stan';
    test('users may change theirs over Basic', () => {
      expect(refusalOf(identity(['none']), own)).toBeUndefined();
    });
    test.each(['bearer', 'query', 'subscription'] as const)('not over %s', (method) => {
      expect(refusalOf(identity(['api'], method), own)).toBe(
        denied('write', '/kapacitor/v1/users/stan'),
      );
    });
    test.each(['PATCH /kapacitor/v1/users/kyle', 'DELETE /kapacitor/v1/users/stan'])(
      'nothing more: %s',
      (request) => {
        expect(refusalOf(identity(['api']), request)).toBeDefined();
      },
    );
  });

  test('a database is never reached by a path', () => {
    const who = identity(['write_points']);
    expect(refusalOf(who, 'POST /kapacitor/v1../database/x')).toBeDefined();
    expect(refusalOf(who, 'POST /database')).toBeDefined();
  });
});
