import { expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { startGateway } from '../support/gateway-process.ts';
import { exchange, requestText } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';

test('[audit] file = "-" is standard output, a line each, in their order', async () => {
  const dir = await createTempDir();
  const upstream = await startRecordingUpstream(answering(204));
  const settings = { audit: { file: '"-"' } };
  const gateway = await startGateway({ dir: dir.path, upstream: upstream.url, settings });
  const paths = Array.from({ length: 200 }, (_, index) => `/kapacitor/v1/tasks/task-${index}`);
  for (const path of paths) {
    expect((await exchange(gateway.port, requestText('DELETE', path, []))).status).toBe(401);
  }
  process.kill(gateway.pid, 'SIGUSR1');
  await eventually('it goes on', () => gateway.log.includes('opened anew'), 60_000);
  await exchange(gateway.port, requestText('DELETE', '/kapacitor/v1/tasks/last', []));
  expect(await gateway.stop()).toBe(0);
  const lines = gateway.output.split('\n').slice(0, -1);
  expect(lines.map((line) => (JSON.parse(line) as { path: string }).path)).toEqual([
    ...paths,
    '/kapacitor/v1/tasks/last',
  ]);
  await upstream.stop();
  await dir.remove();
}, 480_000);
