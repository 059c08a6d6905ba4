import { describe, expect, test } from '@jest/globals';
import { requirementsOf, resourceOf } from '../../src/authorize/requirements.ts';
import { readTarget } from '../../src/kernel/target.ts';

function needs(method: string, target: string): string[] {
  const reading = readTarget(method, target);
  if (reading.kind !== 'target') throw new Error(`${target} is not let through: ${reading.kind}`);
  return requirementsOf(reading.target).map((each) => {
    switch (each.kind) {
      case 'endpoint':
        return `${each.privilege} ${each.resource}`;
      case 'admin':
        return `admin ${each.resource}${each.ownRecordOf === undefined ? '' : ` or ${each.ownRecordOf}`}`;
      case 'database':
        return `write to ${each.database}`;
    }
  });
}

describe('requirementsOf', () => {
  const rule = (method: string, target: string, ...want: string[]): void => {
    test(`${method} ${target} needs ${want.join(' and ') || 'nothing'}`, () => {
      expect(needs(method, target)).toEqual(want);
    });
  };

  describe('takes the privilege from the method', () => {
    rule('GET', '/kapacitor/v1/tasks', 'read /api/tasks');
    rule('POST', '/kapacitor/v1/tasks', 'write /api/tasks');
    rule('PUT', '/kapacitor/v1/tasks', 'write /api/tasks');
    rule('PATCH', '/kapacitor/v1/tasks/cpu', 'write /api/tasks/cpu');
    rule('DELETE', '/kapacitor/v1/tasks/cpu', 'delete /api/tasks/cpu');
    rule('HEAD', '/kapacitor/v1/tasks');
    rule('OPTIONS', '/kapacitor/v1/config');
  });

  describe('takes the resource from the decoded path', () => {
    rule('GET', '/kapacitor/v1/%63onfig', 'read /api/config');
    rule('GET', '/kapacitor/v1/tasks/', 'read /api/tasks');
    rule('GET', '/kapacitor/v1', 'read /api');
    rule('GET', '/', 'read /api');
    rule('GET', '/kapacitor/v1/:routes', 'read /api/:routes');
    rule('GET', '/config', 'read /api/config');
    rule('GET', '/kapacitor/v1config', 'read /api/config');
    rule('GET', '/KAPACITOR/v1/config', 'read /api/KAPACITOR/v1/config');
    rule('GET', '/api/v2/tasks', 'read /api/api/v2/tasks');
  });

  describe('judges a preview path twice, as Kapacitor does', () => {
    rule('GET', '/kapacitor/v1preview/ping', 'read /api/preview/ping', 'read /api/ping');
    rule('GET', '/kapacitor/v1preview%2e/x', 'read /api/preview./x');
    rule('GET', '/kapacitor/v1preview', 'read /api/preview');
    rule('GET', '/kapacitor/v1preview/logs', 'read /api/preview/logs');
    rule('POST', '/kapacitor/v1preview/logs', 'write /api/preview/logs', 'write /api/logs');
    rule('GET', '/kapacitor/v1preview/users', 'read /api/preview/users', 'admin /api/users');
  });

  describe('asks a write for its database', () => {
    rule('POST', '/write?db=telegraf', 'write /api/write', 'write to telegraf');
    rule('POST', '/kapacitor/v1/write?db=a/b', 'write /api/write', 'write to a/b');
    rule(
      'POST',
      '/kapacitor/v1preview/write?db=x',
      'write /api/preview/write',
      'write /api/write',
      'write to x',
    );
    rule('POST', '/%77rite?d%62=tele%67raf', 'write /api/write', 'write to telegraf');
    rule('POST', '/write', 'write /api/write');
    rule('POST', '/write?DB=telegraf', 'write /api/write');
    rule('POST', '/write/x?db=telegraf', 'write /api/write/x');
  });

  describe('leaves to admins what would make one of anybody', () => {
    rule('GET', '/kapacitor/v1/users', 'admin /api/users');
    rule('GET', '/kapacitor/v1/%75sers', 'admin /api/users');
    rule('POST', '/kapacitor/v1/users', 'admin /api/users');
    rule('DELETE', '/kapacitor/v1/users/stan', 'admin /api/users/stan');
    rule('PATCH', '/kapacitor/v1/users/stan', 'admin /api/users/stan or stan');
    rule('GET', '/kapacitor/v1/storage/backup', 'admin /api/storage/backup');
    rule('GET', '/kapacitor/v1/storage/backup/', 'admin /api/storage/backup');
    rule('GET', '/kapacitor/v1/storage/stores', 'read /api/storage/stores');
    rule('POST', '/kapacitor/v1/storage/stores/x', 'admin /api/storage/stores/x');
    rule('POST', '/kapacitor/v1/sideload/reload', 'admin /api/sideload/reload');
    rule('POST', '/kapacitor/v1/loglevel', 'admin /api/loglevel');
    rule('POST', '/loglevel', 'admin /api/loglevel');
    rule(
      'POST',
      '/kapacitor/v1preview/loglevel',
      'write /api/preview/loglevel',
      'admin /api/loglevel',
    );
  });
});

describe('resourceOf', () => {
  test('a path that climbs out of /api lands where nothing is granted', () => {
    expect(resourceOf('/kapacitor/v1../users')).toBe('/users');
    expect(resourceOf('/kapacitor/v1../database/x')).toBe('/database/x');
  });
});
