import { messageOf } from '../kernel/errors.ts';

/** How a part of the gateway is. A warning is worth a look; with a fault, requests fail. */
export interface PartState {
  readonly state: 'ok' | 'warning' | 'fault';
  /** A sentence; "" where there is nothing to say. */
  readonly detail: string;
}

/** Looks at a part. What it throws is a fault, and so is no word within a few seconds. */
export type Look = () => PartState | Promise<PartState>;

export interface Readiness {
  /** False where any part has a fault. */
  readonly ready: boolean;
  readonly parts: Readonly<Record<string, PartState>>;
}

export const OK: PartState = { state: 'ok', detail: '' };

/** Longer than what a part asks takes by itself; a client that asks whether we are ready has no more time. */
const MAX_WAIT_MS = 5_000;

const WORSE = ['ok', 'warning', 'fault'] as const;

/** Of several processes: each part as it is where it is worst. */
export function worstOf(all: readonly Readiness[]): Readiness {
  const parts = new Map<string, PartState>();
  for (const [name, part] of all.flatMap((each) => Object.entries(each.parts))) {
    const before = parts.get(name);
    const isWorse = before === undefined || WORSE.indexOf(part.state) > WORSE.indexOf(before.state);
    if (isWorse) parts.set(name, part);
  }
  return { ready: all.every(({ ready }) => ready), parts: Object.fromEntries(parts) };
}

/** Looks at all parts at once. Never rejects. */
export async function readinessOf(
  looks: Readonly<Record<string, Look>>,
  maxWaitMs: number = MAX_WAIT_MS,
): Promise<Readiness> {
  const parts = await Promise.all(
    Object.entries(looks).map(
      async ([name, look]) => [name, await stateOf(look, maxWaitMs)] as const,
    ),
  );
  return {
    ready: parts.every(([, { state }]) => state !== 'fault'),
    parts: Object.fromEntries(parts),
  };
}

async function stateOf(look: Look, maxWaitMs: number): Promise<PartState> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<PartState>((resolve) => {
    const detail = `no answer within ${maxWaitMs} ms`;
    timer = setTimeout(() => resolve({ state: 'fault', detail }), maxWaitMs);
  });
  try {
    return await Promise.race([look(), late]);
  } catch (error) {
    return { state: 'fault', detail: messageOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** Looks at most once in `ttlMs`, and once at a time: who asks often costs others nothing. */
export function rarely(look: () => Promise<PartState>, ttlMs: number, now: () => number): Look {
  let last: { readonly atMs: number; readonly state: Promise<PartState> } | undefined;
  return () => {
    const ageMs = last === undefined ? Infinity : now() - last.atMs;
    // A clock that was set back must not keep it for longer.
    if (last !== undefined && ageMs >= 0 && ageMs < ttlMs) return last.state;
    const state = look();
    last = { atMs: now(), state };
    return state;
  };
}
