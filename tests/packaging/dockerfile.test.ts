import { describe, expect, test } from '@jest/globals';
import { DEFAULTS, KEYS } from '../../src/config/defaults.ts';
import { read } from '../docs/tree.ts';

const lines = read('Dockerfile')
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

/** What stands behind an instruction, where it comes last. */
function last(instruction: string): string {
  const found = lines.findLast((line) => line.startsWith(`${instruction} `)) ?? '';
  return found.slice(instruction.length + 1);
}

describe('Dockerfile', () => {
  test('copies only what .dockerignore lets in, and all of that', () => {
    const copied = lines
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(/\s+/).slice(1, -1));
    const [all, ...allowed] = read('.dockerignore').trim().split('\n');
    expect(all).toBe('*');
    expect(allowed.map((line) => line.replace(/^!/, '')).toSorted()).toEqual(copied.toSorted());
  });

  test('runs as a user of its own, who owns the store and nothing else', () => {
    expect(last('USER')).toBe('kapgate');
    expect(last('VOLUME')).toBe(DEFAULTS.store.path.default);
    const owned = lines.join('\n').match(/-o kapgate -g kapgate -m 0700 (\S+)/);
    expect(owned?.[1]).toBe(DEFAULTS.store.path.default);
    expect(lines.filter((line) => line.includes('--chown'))).toEqual([]);
  });

  test('asks the admin listener for its health, where that listens by default', () => {
    const { default: address } = DEFAULTS.admin.bindAddress;
    expect(last('HEALTHCHECK')).toContain(`http://${String(address)}/healthz`);
  });

  test('publishes the port of the gateway, and is stopped by the signal that it ends orderly at', () => {
    expect(`:${last('EXPOSE')}`).toBe(DEFAULTS.http.bindAddress.default);
    expect(last('STOPSIGNAL')).toBe('SIGTERM');
    expect(last('ENTRYPOINT')).toBe('["kapgate"]');
  });

  test('holds no secret, and no key set', () => {
    const secrets = KEYS.filter(({ kind }) => kind.secret).map(({ name }) => name);
    expect(lines.filter((line) => /^(?:ENV|ARG) /.test(line))).toEqual([]);
    expect(secrets.filter((name) => lines.some((line) => line.includes(name)))).toEqual([]);
  });
});
