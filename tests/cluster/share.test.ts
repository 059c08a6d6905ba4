import { expect, test } from '@jest/globals';
import { replayTexts } from '../../src/cluster/config-texts.ts';
import { shareOf } from '../../src/cluster/share.ts';
import { loadConfig } from '../../src/config/load.ts';

test('shareOf divides what is bounded for the whole, and leaves the rest as it is', () => {
  const { config } = loadConfig({
    env: { KAPGATE_LIMITS_MAX_CONNECTIONS: '100', KAPGATE_UPSTREAM_MAX_CONNECTIONS: '2' },
    readFile: replayTexts({}),
  });
  expect(shareOf(config, 3)).toEqual({
    ...config,
    limits: { ...config.limits, maxConnections: 34 },
    upstream: { ...config.upstream, maxConnections: 1 },
    admin: { bindAddress: undefined },
  });
});
