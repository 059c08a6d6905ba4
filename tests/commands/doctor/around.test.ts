import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { aroundFindings } from '../../../src/commands/doctor/around.ts';
import type { Finding } from '../../../src/commands/doctor/finding.ts';
import { gateFindings } from '../../../src/commands/doctor/gate.ts';
import { inputFindings } from '../../../src/commands/doctor/inputs.ts';
import { examine } from '../../../src/commands/doctor/patient.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { answering, startRecordingUpstream } from '../../support/recording-upstream.ts';
import type { RecordingUpstream } from '../../support/recording-upstream.ts';
import { makeMachine, processes, row, tables } from './machine.ts';
import type { Made } from './machine.ts';

let upstream: RecordingUpstream;

beforeAll(async () => {
  upstream = await startRecordingUpstream(answering(204, { 'X-Kapacitor-Version': '1.5.9' }));
});

afterAll(() => upstream.stop());

/** An address and a port as the kernel writes them. */
function at(host: string, port: number): string {
  const address = host
    .split('.')
    .map((byte) => Number(byte).toString(16).padStart(2, '0'))
    .toReversed()
    .join('');
  return `${address}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}

const NOBODY = at('0.0.0.0', 0);
const GATE_PORT = 9092;
const KAPACITOR = { name: 'kapacitord', inodes: [11, 12] };
const GATE = { name: 'node', inodes: [21, 22] };

interface Scene extends Partial<Made> {
  readonly tcp?: readonly string[];
  readonly udp?: readonly string[];
  readonly running?: Parameters<typeof processes>[0];
  readonly url?: string;
}

function scene({ tcp, udp, running, url, ...more }: Scene): ReturnType<typeof examine> {
  const found = processes(running ?? { 1: KAPACITOR, 2: GATE });
  const machine = makeMachine({
    ...found,
    files: { ...found.files, ...tables({ tcp: tcp ?? usual(), udp: udp ?? [] }) },
    ...more,
  });
  const toml = `[upstream]\nurl = "${url ?? upstream.url}"\n`;
  const loaded = loadConfig({ file: 'gateway.toml', env: {}, readFile: () => toml });
  return examine(machine, loaded);
}

/** Kapacitor on loopback, the gate on every address and connected to it. */
function usual(): string[] {
  return [
    row(at('127.0.0.1', upstream.port), NOBODY, '0A', 100, 11),
    row(at('0.0.0.0', GATE_PORT), NOBODY, '0A', 123, 21),
    row(at('127.0.0.1', 40_000), at('127.0.0.1', upstream.port), '01', 123, 22),
  ];
}

function results(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ result, what }) => `${result}: ${what}`);
}

describe('aroundFindings', () => {
  test('finds no way where Kapacitor is on loopback, and only the gateway is connected to it', async () => {
    expect(results(await aroundFindings(scene({ strangerConnects: false }), {}))).toEqual([
      `ok: port ${upstream.port} is open on 127.0.0.1:${upstream.port} only`,
      'ok: Kapacitor answers on none of the 0 other addresses of this machine',
      'ok: nobody but the gateway is connected to Kapacitor now',
      'ok: other users of this machine do not reach Kapacitor',
    ]);
  });

  test.each(['0.0.0.0', '10.0.0.5'])('finds Kapacitor listening on %s', async (host) => {
    const tcp = [row(at(host, upstream.port), NOBODY, '0A', 100, 11), ...usual().slice(1)];
    const [found] = await aroundFindings(scene({ tcp }), {});
    expect(found).toMatchObject({
      result: 'fault',
      what: `kapacitord (pid 1) listens on ${host}:${upstream.port}, for other machines too`,
      fix: `in kapacitor.conf, [http] bind-address = "127.0.0.1:${upstream.port}"; restart kapacitor`,
    });
  });

  test('finds Kapacitor answering on an address of the machine, whoever listens there', async () => {
    // To the doctor it is one that others can reach.
    const addresses = [{ host: '127.0.0.1', isLoopback: false }];
    const found = await aroundFindings(scene({ addresses }), {});
    expect(found[1]).toMatchObject({
      result: 'fault',
      what: `Kapacitor answers without the gate at http://127.0.0.1:${upstream.port}`,
    });
  });

  test('finds who is connected to Kapacitor past the gate', async () => {
    const tcp = [
      ...usual(),
      row(at('127.0.0.1', 40_001), at('127.0.0.1', upstream.port), '01', 33, 31),
      row(at('127.0.0.1', 40_002), at('127.0.0.1', 8086), '01', 33, 32),
    ];
    const running = { 1: KAPACITOR, 2: GATE, 3: { name: 'chronograf', inodes: [31, 32] } };
    const found = await aroundFindings(scene({ tcp, running }), {});
    expect(results(found)[2]).toBe(
      `fault: chronograf (pid 3) is connected to Kapacitor’s port ${upstream.port}, past the gate`,
    );
  });

  test('takes the workers of the gateway for the gateway', async () => {
    const tcp = [
      ...usual(),
      row(at('127.0.0.1', 40_001), at('127.0.0.1', upstream.port), '01', 123, 31),
    ];
    const worker = { name: 'a) S 9 (b', inodes: [31], parent: 2 };
    const found = await aroundFindings(
      scene({ tcp, running: { 1: KAPACITOR, 2: GATE, 3: worker } }),
      {},
    );
    expect(results(found)[2]).toBe('ok: nobody but the gateway is connected to Kapacitor now');
  });

  test('warns where other users of the machine reach Kapacitor', async () => {
    const found = await aroundFindings(scene({ strangerConnects: true }), {});
    expect(found.at(-1)).toMatchObject({
      result: 'warning',
      what: `every user of this machine reaches Kapacitor on port ${upstream.port}`,
    });
  });

  test('says what it could not look at', async () => {
    const blind = scene({ files: {}, directories: {} });
    expect(results(await aroundFindings(blind, {}))).toEqual([
      `unseen: who listens on port ${upstream.port}: there is no /proc/net here`,
      'ok: Kapacitor answers on none of the 0 other addresses of this machine',
      'unseen: who is connected to Kapacitor now: the gateway’s process was not found',
      'unseen: whether other users of this machine reach Kapacitor',
    ]);
    const contained = scene({ tcp: usual().slice(1) });
    expect(results(await aroundFindings(contained, {}))[0]).toMatch(/^unseen: .*a container/);
  });

  test('a Kapacitor on another machine is another machine’s matter, and said to be', async () => {
    const found = await aroundFindings(scene({ url: 'http://192.0.2.7:9092' }), {});
    expect(found).toMatchObject([{ result: 'warning' }]);
    expect(found[0]?.what).toContain('Kapacitor is on another machine, 192.0.2.7:9092');
  });
});

describe('inputFindings', () => {
  test('finds none where Kapacitor listens on its port and on loopback only', () => {
    const udp = [row(at('127.0.0.1', 9100), NOBODY, '07', 100, 12)];
    expect(results(inputFindings(scene({ udp })))).toEqual([
      'ok: kapacitord (pid 1) is open to others on no other port',
    ]);
  });

  test.each([
    ['udp', 25_826, '[collectd]'],
    ['udp', 9100, '[[udp]]'],
    ['tcp', 2003, '[[graphite]]'],
    ['tcp', 4242, '[opentsdb]'],
  ])('finds %s port %d, and the section that opens it', (protocol, port, section) => {
    const line = row(at('0.0.0.0', port), NOBODY, protocol === 'udp' ? '07' : '0A', 100, 12);
    const found = inputFindings(
      scene(protocol === 'udp' ? { udp: [line] } : { tcp: [...usual(), line] }),
    );
    expect(found).toMatchObject([{ result: 'fault' }]);
    expect(found[0]?.what).toBe(
      `kapacitord (pid 1) takes points at 0.0.0.0:${port} over ${protocol.toUpperCase()}`,
    );
    expect(found[0]?.fix).toContain(section);
  });

  test('leaves the ports of others alone', () => {
    const udp = [row(at('0.0.0.0', 53), NOBODY, '07', 0, 99)];
    expect(inputFindings(scene({ udp }))).toMatchObject([{ result: 'ok' }]);
  });

  test('says so where it cannot see Kapacitor’s process', () => {
    expect(inputFindings(scene({ directories: {} }))).toMatchObject([
      { result: 'unseen', fix: 'run it as root' },
    ]);
  });
});

describe('gateFindings', () => {
  async function atGate(more: Scene): Promise<readonly string[]> {
    return results(await gateFindings(scene(more)));
  }

  test('finds Kapacitor on the gate’s port', async () => {
    const tcp = [...usual().slice(0, 1), row(at('0.0.0.0', GATE_PORT), NOBODY, '0A', 100, 12)];
    expect(await atGate({ tcp })).toContain(
      `fault: kapacitord (pid 1) has the gateway’s port ${GATE_PORT}`,
    );
  });

  test('finds a second program on the gate’s port, by name or by user', async () => {
    const tcp = [...usual(), row(at('10.0.0.5', GATE_PORT), NOBODY, '0A', 33, 31)];
    const running = { 1: KAPACITOR, 2: GATE, 3: { name: 'socat', inodes: [31] } };
    expect(await atGate({ tcp, running })).toContain(
      'fault: two programs share the gateway’s port: node at 0.0.0.0:9092, socat at 10.0.0.5:9092',
    );
    expect(await atGate({ tcp, directories: {} })).toContain(
      'fault: two programs share the gateway’s port: user 123 at 0.0.0.0:9092, user 33 at 10.0.0.5:9092',
    );
  });

  test('lets several processes of the gateway share it', async () => {
    const tcp = [...usual(), row(at('0.0.0.0', GATE_PORT), NOBODY, '0A', 123, 31)];
    const running = { 1: KAPACITOR, 2: GATE, 3: { name: 'node', inodes: [31] } };
    expect((await atGate({ tcp, running })).filter((each) => each.startsWith('fault'))).toEqual([]);
  });
});
