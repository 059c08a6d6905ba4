import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Member } from '../../src/cluster/member.ts';
import type { Answer, Report } from '../../src/cluster/messages.ts';
import { createWhole } from '../../src/cluster/whole.ts';
import type { Whole } from '../../src/cluster/whole.ts';
import type { Figures } from '../../src/observe/figures.ts';
import { Meters } from '../../src/observe/meters.ts';
import type { PartState } from '../../src/observe/readiness.ts';
import { readTarget } from '../../src/kernel/target.ts';

const IDLE = { inUse: 0, waiting: 0 };

class TestWorker {
  readonly meters = new Meters();
  dropped = 0;
  isSilent = false;
  nodes: { node: string; resting: boolean; attempts: number; failures: number }[] = [];
  parts: Record<string, PartState> = { store: { state: 'ok', detail: '' } };
  readonly member: Member;

  constructor(place: number) {
    this.member = {
      place,
      pid: place,
      tell: () => undefined,
      hand: () => undefined,
      kill: () => undefined,
      ask: ({ to }) => Promise.resolve(this.isSilent ? undefined : this.#answer(to)),
    };
  }

  #answer(to: Answer['to']): Answer | undefined {
    if (to === 'report') return { to, value: JSON.parse(JSON.stringify(this.#report())) as Report };
    if (to !== 'look') return undefined;
    const ready = Object.values(this.parts).every(({ state }) => state !== 'fault');
    return { to, value: { ready, parts: this.parts } };
  }

  #report(): Report {
    const isOut = this.nodes.some(({ resting }) => resting);
    const meta = { isOut, outages: 1, wentOn: 2, nodes: this.nodes };
    const figures: Figures = {
      lanes: { writes: { inUse: 1, waiting: 2 }, api: IDLE, streams: IDLE },
      passwords: { running: 1, waiting: 0 },
      meta: this.nodes.length === 0 ? undefined : meta,
    };
    return { meters: this.meters.snapshot(), figures, auditDropped: this.dropped, process: [] };
  }

  serve(count: number): void {
    const reading = readTarget('GET', '/kapacitor/v1/tasks');
    const target = reading.kind === 'target' ? reading.target : undefined;
    for (let each = 0; each < count; each++) {
      this.meters.note(
        {
          target,
          judgement: 'allowed',
          failure: undefined,
          wouldBe: undefined,
          presented: 'basic',
          identity: undefined,
        },
        200,
        'read',
      );
      this.meters.sentBytes += 10;
      this.meters.noteUpstream('api', 20);
      this.meters.noteRecall(true);
    }
  }
}

let [one, two]: [TestWorker, TestWorker] = [new TestWorker(1), new TestWorker(2)];
let ready: Member[];
let whole: Whole;

beforeEach(() => {
  [one, two] = [new TestWorker(1), new TestWorker(2)];
  ready = [one.member, two.member];
  whole = createWhole({
    count: 2,
    ready: () => ready,
    reload: () => ({ failure: undefined, needsRestart: [] }),
  });
});

function end({ member }: TestWorker): void {
  ready = ready.filter((each) => each !== member);
  whole.keep(member);
}

const requestsIn = (meters: Meters): number =>
  meters.requests().reduce((sum, { value }) => sum + value, 0);

describe('createWhole', () => {
  test('adds up what all have counted', async () => {
    one.serve(3);
    two.serve(4);
    two.dropped = 5;
    const { meters, figures, auditDropped } = await whole.counted();
    expect(requestsIn(meters)).toBe(7);
    expect(meters.sentBytes).toBe(70);
    expect(meters.verifiedHits).toBe(7);
    expect(meters.upstream.api.cumulative().at(-1)).toBe(7);
    expect(meters.upstream.api.sum).toBeCloseTo(0.14);
    expect(meters.logins()).toEqual([
      { labels: { credentials: 'basic', outcome: 'accepted' }, value: 7 },
    ]);
    expect(figures.lanes.writes).toEqual({ inUse: 2, waiting: 4 });
    expect(auditDropped).toBe(5);
  });

  test('asking again counts nothing twice', async () => {
    one.serve(3);
    await whole.counted();
    expect(requestsIn((await whole.counted()).meters)).toBe(3);
  });

  test('goes on counting what one had counted that has ended, or is silent', async () => {
    one.serve(3);
    two.serve(4);
    one.nodes = [{ node: 'http://a:1', resting: false, attempts: 6, failures: 1 }];
    await whole.counted();
    end(one);
    two.isSilent = true;
    const { meters, figures } = await whole.counted();
    expect(requestsIn(meters)).toBe(7);
    expect(figures.meta?.nodes).toEqual([
      { node: 'http://a:1', resting: false, attempts: 6, failures: 1 },
    ]);
  });

  test('nothing is in progress any more in one that has ended', async () => {
    one.meters.requestsInProgress = 3;
    two.meters.requestsInProgress = 1;
    expect((await whole.counted()).meters.requestsInProgress).toBe(4);
    end(one);
    expect((await whole.counted()).meters.requestsInProgress).toBe(1);
  });

  test('what is so in one worker is so', async () => {
    one.nodes = [{ node: 'http://a:1', resting: false, attempts: 1, failures: 0 }];
    two.nodes = [{ node: 'http://a:1', resting: true, attempts: 2, failures: 2 }];
    const { figures } = await whole.counted();
    expect(figures.meta).toEqual({
      isOut: true,
      outages: 2,
      wentOn: 4,
      nodes: [{ node: 'http://a:1', resting: true, attempts: 3, failures: 2 }],
    });
  });

  test('each part is as it is where it is worst', async () => {
    two.parts = { store: { state: 'warning', detail: 'no admin yet' } };
    const { ready: isReady, parts } = await whole.readiness();
    expect(isReady).toBe(true);
    expect(parts).toEqual({
      config: { state: 'ok', detail: '' },
      workers: { state: 'ok', detail: '' },
      store: { state: 'warning', detail: 'no admin yet' },
    });
    one.parts = { store: { state: 'fault', detail: 'gone' } };
    expect(await whole.readiness()).toMatchObject({
      ready: false,
      parts: { store: { state: 'fault', detail: 'gone' } },
    });
  });

  test('tells of workers that are not there, or say nothing', async () => {
    end(one);
    expect((await whole.readiness()).parts['workers']).toEqual({
      state: 'warning',
      detail: '1 of 2 take clients, the others are being started',
    });
    two.isSilent = true;
    expect((await whole.readiness()).parts['workers']?.detail).toBe('worker 2 does not answer');
    end(two);
    expect(await whole.readiness()).toMatchObject({ ready: false });
  });
});
