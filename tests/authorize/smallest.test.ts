import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { requirementsOf } from '../../src/authorize/requirements.ts';
import type { Requirement } from '../../src/authorize/requirements.ts';
import { judgeBy, partOf, smallestPermissions } from '../../src/authorize/smallest.ts';
import { readTarget } from '../../src/kernel/target.ts';
import { lessened } from '../support/lessened.ts';

const V1 = '/kapacitor/v1';

function requirementsFor(requests: readonly string[]): readonly Requirement[] {
  return requests.flatMap((request) => {
    const [method = '', raw = ''] = request.split(' ');
    const reading = readTarget(method, raw.replace(/^~/, V1));
    if (reading.kind !== 'target') throw new Error(`not a target: ${request}`);
    return requirementsOf(reading.target);
  });
}

describe('partOf', () => {
  test.each([
    ['/api/tasks/cpu', '/api/tasks'],
    ['/api/tasks', '/api/tasks'],
    ['/api/alerts/topics/a/b', '/api/alerts'],
    ['/api/debug/vars', '/api/debug/vars'],
    ['/api/debug/pprof/heap', '/api/debug/pprof'],
    ['/api/preview/tasks/x', '/api/preview/tasks'],
    ['/api/preview', '/api/preview'],
    ['/api', '/api'],
  ])('%s is part of %s', (resource, part) => {
    expect(partOf(resource)).toBe(part);
  });
});

describe('smallestPermissions', () => {
  test.each<[readonly string[], readonly string[]]>([
    [[], []],
    [['HEAD ~/ping'], []],
    [['GET ~/ping'], ['api:/ping:read']],
    [['GET ~/tasks', 'GET ~/tasks/a'], ['api:/tasks:read']],
    [['GET ~/tasks', 'PATCH ~/tasks/a'], ['api:/tasks:read,write']],
    [['GET ~/tasks', 'PATCH ~/tasks/a', 'DELETE ~/tasks/a'], ['api:/tasks']],
    [
      ['GET ~/tasks', 'GET ~/templates'],
      ['api:/tasks:read', 'api:/templates:read'],
    ],
    [['POST /write?db=a'], ['write_points:a']],
    [
      ['POST /write?db=a', 'POST ~/write?db=b', 'GET ~/ping'],
      ['write_points:a', 'write_points:b'],
    ],
    [['GET ~/config', 'GET ~/ping'], ['config_api:read']],
    [
      ['POST ~/config/smtp', 'GET ~/ping'],
      ['api:/ping:read', 'config_api:write'],
    ],
    [['GET ~/debug/vars'], ['api:/debug/vars:read']],
    [['GET ~/:routes'], ['api:/:routes:read']],
    [
      ['GET ~/config', 'GET ~/ping', 'DELETE ~/ping'],
      ['api:/ping:delete', 'config_api:read'],
    ],
    [['GET /kapacitor/v1preview/logs'], ['api:/preview/logs:read']],
    [['GET /kapacitor/v1preview/tasks'], ['api:/preview/tasks:read', 'api:/tasks:read']],
    [['POST /kapacitor/v1preview/write?db=a'], ['api:/preview/write:write', 'write_points:a']],
    [['POST ~/alerts/topics/a:b/handlers'], ['api:/alerts:write']],
    // Nothing finer grants these.
    [['GET ~/storage/stores'], ['api:read']],
    [
      ['GET ~/a:b', 'GET ~/tasks', 'GET ~/config'],
      ['api:read', 'config_api:read'],
    ],
    [['GET /'], ['api:read']],
    [
      ['GET /', 'DELETE ~/tasks/a'],
      ['api:read', 'api:/tasks:delete'],
    ],
  ])('%j needs %j', (requests, permissions) => {
    expect(smallestPermissions(requirementsFor(requests))).toEqual({ permissions, beyond: [] });
  });

  test.each([
    ['GET ~/storage/backup'],
    ['POST ~/storage/stores/tasks'],
    ['POST ~/sideload/reload'],
    ['POST ~/loglevel'],
    ['GET ~/users'],
    ['POST /write'],
  ])('%s is beyond all permissions', (request) => {
    const { permissions, beyond } = smallestPermissions(requirementsFor([request, 'GET ~/tasks']));
    expect(permissions).toEqual(['api:/tasks:read']);
    expect(beyond).toEqual(requirementsFor([request]));
  });

  const request = fc
    .tuple(
      fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'),
      fc.constantFrom('~', '/kapacitor/v1preview', ''),
      fc.constantFrom(
        ...[
          '',
          '/',
          '/ping',
          '/write?db=a',
          '/write?db=b',
          '/write',
          '/tasks',
          '/tasks/a/b',
          '/tasks/',
        ],
        ...['/config', '/config/smtp', '/storage/stores', '/storage/backup', '/alerts/topics/a:b'],
        ...[
          '/x:y',
          '/:routes',
          '/users',
          '/debug/vars',
          '/preview',
          '/preview/tasks',
          '/logs',
          '/api',
        ],
      ),
    )
    .map(([method, base, path]) => `${method} ${base}${path === '' && base === '' ? '/' : path}`);

  test('meets all but what is beyond, and one privilege less denies something', () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 12 }), (requests) => {
        const requirements = requirementsFor(requests);
        const { permissions, beyond } = smallestPermissions(requirements);
        const reached = requirements.filter((each) => !beyond.includes(each));
        expect(reached.filter((each) => !judgeBy(permissions)(each))).toEqual([]);
        for (const { kind } of beyond) expect(kind).not.toBe('database');
        for (const less of lessened(permissions)) {
          expect({
            less,
            denied: reached.filter((each) => !judgeBy(less)(each)).length,
          }).not.toEqual({
            less,
            denied: 0,
          });
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
