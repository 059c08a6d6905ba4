import { describe, expect, test } from '@jest/globals';
import { isKapacitorConf } from '../../src/config/kapacitor-conf.ts';

describe('isKapacitorConf', () => {
  test.each([
    ['by a section', { http: {}, influxdb: [{}] }, 'x.toml'],
    ['by a top-level key', { data_dir: '/var/lib/kapacitor' }, 'x.toml'],
    ['by its name', { http: {}, auth: {} }, '/etc/kapacitor/kapacitor.conf'],
    ['by its name', {}, 'kapacitor.toml'],
    ['by its ending', { http: {} }, 'gate.conf'],
    ['by a key that only Kapacitor has', { http: { 'write-tracing': false } }, 'x.toml'],
  ])('knows one %s', (_, document, path) => {
    expect(isKapacitorConf(document, path)).toBe(true);
  });

  test.each([
    ['has only [http] and [auth]', { http: {}, auth: {} }, '/etc/kapacitor/gateway.toml'],
    ['is empty', {}, 'gateway.toml'],
    ['has a section of the gateway', { upstream: {}, influxdb: [{}] }, 'kapacitor.conf'],
    ['has a [http] that is none', { http: 'write-tracing' }, 'gateway.toml'],
  ])('takes a file that %s for our own', (_, document, path) => {
    expect(isKapacitorConf(document, path)).toBe(false);
  });
});
