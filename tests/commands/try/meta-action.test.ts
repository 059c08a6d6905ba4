import { describe, expect, test } from '@jest/globals';
import { readAction } from '../../../src/commands/try/meta-action.ts';

const KAPACITOR = new Map([['', ['KapacitorAPI', 'KapacitorConfigAPI']]]);

describe('readAction', () => {
  test.each([
    [
      'user',
      '{"action":"create","user":{"name":"phantom","password":"changeit"}}',
      { on: 'user', action: 'create', name: 'phantom', password: 'changeit' },
    ],
    [
      'user',
      '{"action":"change-password","user":{"name":"phantom","password":"new"}}',
      { on: 'user', action: 'change-password', name: 'phantom', password: 'new' },
    ],
    [
      'user',
      '{"action":"delete","user":{"name":"phantom"}}',
      { on: 'user', action: 'delete', name: 'phantom' },
    ],
    [
      'user',
      '{"action":"add-permissions","user":{"name":"phantom","permissions":{"":["KapacitorAPI","KapacitorConfigAPI"]}}}',
      { on: 'user', action: 'add-permissions', name: 'phantom', permissions: KAPACITOR },
    ],
    [
      'user',
      '{"action":"remove-permissions","user":{"name":"phantom","permissions":{"db":["ReadData"]}}}',
      {
        on: 'user',
        action: 'remove-permissions',
        name: 'phantom',
        permissions: new Map([['db', ['ReadData']]]),
      },
    ],
    [
      'role',
      '{"action":"create","role":{"name":"spectre"}}',
      { on: 'role', action: 'create', name: 'spectre' },
    ],
    [
      'role',
      '{"action":"delete","role":{"name":"spectre"}}',
      { on: 'role', action: 'delete', name: 'spectre' },
    ],
    [
      'role',
      '{"action":"add-users","role":{"name":"spectre","users":["phantom"]}}',
      { on: 'role', action: 'add-users', name: 'spectre', users: ['phantom'] },
    ],
    [
      'role',
      '{"action":"remove-users","role":{"name":"spectre","users":["phantom"]}}',
      { on: 'role', action: 'remove-users', name: 'spectre', users: ['phantom'] },
    ],
    [
      'role',
      '{"action":"add-permissions","role":{"name":"spectre","permissions":{"":["KapacitorAPI","KapacitorConfigAPI"]}}}',
      { on: 'role', action: 'add-permissions', name: 'spectre', permissions: KAPACITOR },
    ],
  ] as const)('/%s takes %s', (on, body, action) => {
    expect(readAction(on, body)).toEqual({ action });
  });

  test.each([
    ['user', '', 'the body is not JSON'],
    ['user', 'nonsense', 'the body is not JSON'],
    ['role', '{"action":"create","role":{"name":"x",}}', /^the body is not JSON: a comma stands/],
    ['user', '[]', 'the body must be an object'],
    ['user', 'null', 'the body must be an object'],
    ['user', '{}', 'user must be an object'],
    ['user', '{"action":"create","user":null}', 'user must be an object'],
    ['user', '{"user":{"name":"x"}}', 'action must be a text that is not empty'],
    ['role', '{"action":"create","user":{"name":"x"}}', '"user" goes to /user: /role takes "role"'],
    [
      'user',
      '{"action":"add-permissions","role":{"name":"x"}}',
      '"role" goes to /role: /user takes "user"',
    ],
    [
      'user',
      '{"action":"make","user":{"name":"x"}}',
      'unknown action "make": a user takes create, delete, add-permissions, remove-permissions, change-password',
    ],
    ['role', '{"action":"change-password","role":{"name":"x"}}', /^unknown action "change-pass/],
    ['user', '{"action":"create","user":{"name":"x"}}', /^user\.password must be a text/],
    ['user', '{"action":"create","user":{"name":"","password":"x"}}', /^user\.name must be a text/],
    ['user', '{"action":"create","user":{"name":7,"password":"x"}}', /^user\.name must be a text/],
    [
      'user',
      '{"action":"create","user":{"name":"x","password":"y","permissions":{}}}',
      'user, to create, takes name, password, and no "permissions"',
    ],
    [
      'user',
      '{"action":"create","usr":{},"user":{"name":"x","password":"y"}}',
      'the body takes action, user, and no "usr"',
    ],
    [
      'user',
      '{"action":"add-permissions","user":{"name":"x","permissions":{"":["ManageContnuousQuery"]}}}',
      'unknown permission "ManageContnuousQuery"',
    ],
    [
      'user',
      '{"action":"add-permissions","user":{"name":"x","permissions":["KapacitorAPI"]}}',
      'permissions must be an object',
    ],
    [
      'user',
      '{"action":"add-permissions","user":{"name":"x","permissions":{"":"KapacitorAPI"}}}',
      'permissions of "" must be a list',
    ],
    [
      'role',
      '{"action":"add-users","role":{"name":"x","users":"phantom"}}',
      'role.users must be a list',
    ],
  ] as const)('/%s refuses %s', (on, body, sentence) => {
    expect(readAction(on, body)).toEqual({
      refusal: typeof sentence === 'string' ? sentence : expect.stringMatching(sentence),
    });
  });

  test('what it says of a broken body holds nothing of the body', () => {
    const read = readAction('user', '{"user":{"password":"canary"},}');
    expect(JSON.stringify(read)).not.toContain('canary');
  });
});
