import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { eventually } from '../support/eventually.ts';
import { findFreePort } from '../support/free-port.ts';
import { addUser, startGateway } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

let dir: TempDir;
let upstream: RecordingUpstream;
let gateway: GatewayProcess;
let adminPort: number;

beforeEach(async () => {
  dir = await createTempDir();
  upstream = await startRecordingUpstream(answering(200, { 'X-Kapacitor-Version': '1.5.9' }));
  adminPort = await findFreePort();
  gateway = await startGateway({
    dir: dir.path,
    upstream: upstream.url,
    settings: { admin: { 'bind-address': `"127.0.0.1:${adminPort}"` } },
  });
  await addUser(gateway.configFile, { name: 'ann', password: 'pw-of-ann', permissions: ['api'] });
});

afterEach(async () => {
  await gateway.stop();
  await upstream.stop();
  await dir.remove();
});

function admin(path: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${adminPort}${path}`);
}

async function get(path: string, password?: string): Promise<number> {
  const credentials = `Basic ${Buffer.from(`ann:${password ?? ''}`).toString('base64')}`;
  const headers = password === undefined ? {} : { Authorization: credentials };
  const response = await fetch(`http://127.0.0.1:${gateway.port}${path}`, { headers });
  await response.arrayBuffer();
  return response.status;
}

async function metrics(): Promise<string> {
  return (await admin('/metrics')).text();
}

async function readyzText(): Promise<string> {
  return (await admin('/readyz')).text();
}

const ALLOWED =
  'kapgate_requests_total{verdict="allowed",status="2xx",privilege="read",route="tasks"}';

describe('the admin listener', () => {
  test('counts requests, logins and times, over a reload, with no name in it', async () => {
    expect(await get('/kapacitor/v1/tasks', 'pw-of-ann')).toBe(200);
    expect(await get('/kapacitor/v1/tasks/secretive-task', 'wrong')).toBe(401);
    await eventually('it is counted', async () => (await metrics()).includes(`${ALLOWED} 1\n`));
    process.kill(gateway.pid, 'SIGHUP');
    await eventually('it is reloaded', () => gateway.log.includes('msg=reloaded'));
    expect(await get('/kapacitor/v1/tasks', 'pw-of-ann')).toBe(200);
    await eventually('both are', async () => (await metrics()).includes(`${ALLOWED} 2\n`));
    const text = await metrics();
    expect(text).toContain('kapgate_logins_total{credentials="basic",outcome="accepted"} 2\n');
    expect(text).toContain('kapgate_logins_total{credentials="basic",outcome="refused"} 1\n');
    expect(text).toContain('kapgate_failures_total{code="unauthorized"} 1\n');
    expect(text).toContain('kapgate_upstream_seconds_count{lane="api"} 2\n');
    expect(text).toContain('kapgate_requests_in_progress 0\n');
    expect(text).toMatch(/kapgate_bytes_total\{direction="in"\} [1-9]\d+\n/);
    expect(text).toMatch(/kapgate_build_info\{version="\d+\.\d+\.\d+"\} 1\n/);
    expect(text).not.toMatch(/ann|secretive|pw-of|wrong/);
  });

  test('/readyz tells of a reload that failed, and of Kapacitor when it is gone', async () => {
    const ready = await admin('/readyz');
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({
      ready: true,
      parts: {
        gate: { state: 'ok' },
        store: { state: 'warning', detail: expect.stringContaining('no admin yet') },
        upstream: { state: 'ok', detail: 'Kapacitor 1.5.9' },
        config: { state: 'ok' },
      },
    });
    const good = await readFile(gateway.configFile, 'utf8');
    await writeFile(gateway.configFile, `${good}\n[nowhere]\nkey = 1\n`);
    process.kill(gateway.pid, 'SIGHUP');
    await eventually('the failure is told', async () =>
      (await readyzText()).includes('the last reload failed'),
    );
    expect(await (await admin('/readyz')).json()).toMatchObject({
      ready: true,
      parts: {
        config: { state: 'warning', detail: expect.stringMatching(/nowhere/) },
      },
    });
    expect(await metrics()).toContain('kapgate_reload_failed 1\n');
    await writeFile(gateway.configFile, good.replace(String(adminPort), '1'));
    await upstream.stop();
    process.kill(gateway.pid, 'SIGHUP');
    await eventually('Kapacitor is missed', async () =>
      (await readyzText()).includes('cannot be reached'),
    );
    const response = await admin('/readyz');
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      ready: false,
      parts: {
        config: { state: 'warning', detail: 'only a restart takes up: [admin] bind-address' },
        upstream: { state: 'fault' },
      },
    });
    expect((await admin('/healthz')).status).toBe(200);
  });

  test('a second gateway on the same port does not start, and says what to do', async () => {
    const second = startGateway({
      dir: `${dir.path}/second`,
      upstream: upstream.url,
      settings: { admin: { 'bind-address': `"127.0.0.1:${adminPort}"` } },
    });
    await expect(second).rejects.toThrow(/ended with 1.*give each its own \[admin\] bind-address/s);
  });
});
