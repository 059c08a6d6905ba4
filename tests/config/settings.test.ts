import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/load.ts';
import { renderSettings, settingsJson } from '../../src/config/settings.ts';
import { filesOf } from './files.ts';

const { origins } = loadConfig({
  env: { KAPGATE_HTTP_SHARED_SECRET: 'CANARY CANARY CANARY', KAPGATE_LOG_LEVEL: 'debug' },
  readFile: filesOf({ './gateway.toml': '[http]\nbind-address = "localhost:9092"' }),
});

describe('renderSettings', () => {
  const text = renderSettings(origins);

  test('each key is a line with its value and who said it', () => {
    expect(text).toMatch(/^\[http\]\nbind-address += "localhost:9092" +# \.\/gateway\.toml$/m);
    expect(text).toMatch(/^level += "debug" +# KAPGATE_LOG_LEVEL$/m);
    expect(text).toMatch(/^allowed-origins += \[\] +# default$/m);
  });

  test('a secret is not shown, but that there is one', () => {
    expect(text).toMatch(/^shared-secret += \[redacted\] +# KAPGATE_HTTP_SHARED_SECRET$/m);
    expect(text).toMatch(/^meta-password += "" +# default$/m);
    expect(text).not.toContain('CANARY');
  });
});

describe('settingsJson', () => {
  test('has the same by section and key', () => {
    const json = settingsJson(origins);
    expect(json['log']?.['level']).toEqual({ value: 'debug', origin: 'KAPGATE_LOG_LEVEL' });
    expect(json['http']?.['shared-secret']?.value).toBe('[redacted]');
    expect(json['limits']?.['max-header-bytes']?.value).toBe(65_536);
    expect(JSON.stringify({ json, origins })).not.toContain('CANARY');
  });
});
