import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { wantedOf } from '../differences.ts';
import type { Row } from '../differences.ts';
import type { GatewayProcess } from './gateway-process.ts';
import { findKapacitor, startKapacitor } from './kapacitor.ts';
import { answerAsKapacitor } from './kapacitor-stand-in.ts';
import { startRecordingUpstream } from './recording-upstream.ts';
import type { RecordingUpstream } from './recording-upstream.ts';
import { readCredentialRows } from './recordings.ts';
import { inParallel, play, playAll, shown } from './replay.ts';
import { readSends } from './sends.ts';
import { createTempDir } from './temp-dir.ts';
import type { TempDir } from './temp-dir.ts';

/** Longer than the one of the recordings, which is below the least length that the gateway takes. */
export const SHARED_SECRET = 's3cret-of-32-bytes-for-the-tests';
const TIMEOUT_MS = 300_000;

export interface Conformance {
  /** The gateway, with whose users: `the gateway with users of a meta node`. */
  readonly gateway: string;
  /** Starts it in a directory, with the users of the recordings and the shared secret. */
  readonly start: (dir: string, upstream: string) => Promise<GatewayProcess>;
  readonly decisions: readonly Row[];
  /** How many rows are as recorded, and how many by which difference. */
  readonly tally: Readonly<Record<string, number>>;
  /** Further tests, once all was played before the stand-in. */
  readonly further?: () => void;
}

/** Plays all that was recorded of Kapacitor through a gateway, before a stand-in and before a kapacitord. */
export function testConformance(conformance: Conformance): void {
  const { gateway: who, start, decisions, tally, further } = conformance;
  let dir: TempDir;
  beforeAll(async () => {
    dir = await createTempDir();
  });
  afterAll(() => dir.remove());

  describe(`${who}, before a stand-in for Kapacitor`, () => {
    let upstream: RecordingUpstream;
    let gateway: GatewayProcess;
    beforeAll(async () => {
      upstream = await startRecordingUpstream(answerAsKapacitor);
      gateway = await start(`${dir.path}/stand-in`, upstream.url);
    }, TIMEOUT_MS);
    afterAll(async () => {
      await gateway.stop();
      await upstream.stop();
    });

    test(
      'each recorded decision is answered as recorded, or by a named difference',
      async () => {
        expect(await playAll(gateway, upstream, decisions)).toEqual(tally);
      },
      TIMEOUT_MS,
    );

    test(
      'each recorded way to send credentials is answered as recorded, or by a named difference',
      async () => {
        expect(await playAll(gateway, upstream, CREDENTIALS)).toEqual({
          'as recorded': 84,
          'what can be read in two ways is refused': 8,
          'a token for an unknown user tells nothing of the store': 2,
        });
      },
      TIMEOUT_MS,
    );

    further?.();
  });

  describe(`${who}, before a kapacitord`, () => {
    const kapacitor = findKapacitor('the recordings are played before the stand-in only');
    const testWithKapacitor = kapacitor === undefined ? test.skip : test;

    testWithKapacitor(
      'each recorded decision has the status that was recorded, or that of a named difference',
      async () => {
        if (kapacitor === undefined) return;
        const upstream = await startKapacitor(kapacitor);
        const gateway = await start(`${dir.path}/kapacitord`, upstream.url);
        try {
          const played = await inParallel(decisions, async (row, index) => ({
            row: shown(row),
            status: (await play(gateway.port, row, index)).status,
          }));
          expect(played).toEqual(
            decisions.map((row) => ({ row: shown(row), status: wantedOf(row).outcome.status })),
          );
        } finally {
          await gateway.stop();
          await upstream.stop();
        }
      },
      TIMEOUT_MS,
    );
  });
}

/** Every recorded way to send credentials, right and wrong, of one user who has `api`. */
export const CREDENTIALS: readonly Row[] = readCredentialRows().map((row) => {
  const { headers, query } = readSends(row.sends, SHARED_SECRET, Date.now());
  const target = query === '' ? row.target : `${row.target}?${query}`;
  return { ...row, name: row.case, user: 'u_api', permissions: ['api'], target, headers };
});
