import { describe, expect, test } from '@jest/globals';
import { recordTexts, replayTexts } from '../../src/cluster/config-texts.ts';
import { loadConfig } from '../../src/config/load.ts';
import { filesOf } from '../config/files.ts';

describe('replayTexts', () => {
  test('reads again what was read, files of secrets too, whatever the files are by then', () => {
    const { readFile, texts } = recordTexts(
      filesOf({
        './gateway.toml': '[http]\nworkers = 3\nshared-secret-file = "/secret"\n',
        '/secret': 'a secret of more than 16 bytes\n',
      }),
    );
    const first = loadConfig({ env: {}, readFile });
    const sent = JSON.parse(JSON.stringify(texts())) as Record<string, string>;
    const again = loadConfig({ env: {}, readFile: replayTexts(sent) });
    expect(again.config).toEqual(first.config);
    expect(again.file).toBe('./gateway.toml');
    expect(again.config.http.sharedSecret.reveal()).toBe('a secret of more than 16 bytes');
  });

  test('what was not there then is not there', () => {
    expect(() => replayTexts({ a: 'b' })('constructor')).toThrow(/was not there/);
  });
});
