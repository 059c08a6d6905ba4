/** What is not counted but looked up, when somebody asks for metrics. */
export interface Figures {
  /** Connections to Kapacitor, by lane. */
  readonly lanes: Readonly<Record<LaneName, LaneFigures>>;
  readonly passwords: { readonly running: number; readonly waiting: number };
  /** Undefined where users are local. */
  readonly meta: MetaFigures | undefined;
}

export type LaneName = 'writes' | 'api' | 'streams';

interface LaneFigures {
  readonly inUse: number;
  readonly waiting: number;
}

export interface MetaFigures {
  readonly isOut: boolean;
  readonly outages: number;
  /** Logins that went on with what was known before an outage. */
  readonly wentOn: number;
  readonly nodes: readonly MetaNodeFigures[];
}

interface MetaNodeFigures {
  /** Scheme, host and port, as configured. */
  readonly node: string;
  readonly resting: boolean;
  readonly attempts: number;
  readonly failures: number;
}

/**
 * The figures of several configurations, the newest first: after a reload, requests of the old one go on for a while.
 * Numbers are added; what is a state is that of the newest.
 */
export function sumFigures(newest: Figures, older: readonly Figures[]): Figures {
  const all = [newest, ...older];
  const lane = (name: LaneName): LaneFigures => ({
    inUse: sum(all.map(({ lanes }) => lanes[name].inUse)),
    waiting: sum(all.map(({ lanes }) => lanes[name].waiting)),
  });
  return {
    lanes: { writes: lane('writes'), api: lane('api'), streams: lane('streams') },
    passwords: {
      running: sum(all.map(({ passwords }) => passwords.running)),
      waiting: sum(all.map(({ passwords }) => passwords.waiting)),
    },
    meta: sumMeta(
      newest.meta,
      older.flatMap(({ meta }) => meta ?? []),
    ),
  };
}

/** The figures of several processes at once: numbers are added, and what is so for one of them is so. */
export function togetherOf(all: readonly Figures[]): Figures {
  const [first = NOTHING, ...others] = all;
  const { meta, ...rest } = sumFigures(first, others);
  if (meta === undefined) return { ...rest, meta };
  const metas = all.flatMap((each) => each.meta ?? []);
  const resting = new Set(
    metas.flatMap(({ nodes }) => nodes.filter((node) => node.resting).map(({ node }) => node)),
  );
  const nodes = meta.nodes.map((node) => ({ ...node, resting: resting.has(node.node) }));
  return { ...rest, meta: { ...meta, isOut: metas.some(({ isOut }) => isOut), nodes } };
}

const IDLE: LaneFigures = { inUse: 0, waiting: 0 };

const NOTHING: Figures = {
  lanes: { writes: IDLE, api: IDLE, streams: IDLE },
  passwords: { running: 0, waiting: 0 },
  meta: undefined,
};

const NO_META: MetaFigures = { isOut: false, outages: 0, wentOn: 0, nodes: [] };

/**
 * Counts of older configurations are added to those of the newest, so that none ever goes back; states are its own.
 * @returns undefined where none of them had meta nodes
 */
export function sumMeta(
  newest: MetaFigures | undefined,
  older: readonly MetaFigures[],
): MetaFigures | undefined {
  if (newest === undefined && older.length === 0) return undefined;
  const base = newest ?? NO_META;
  const nodes = new Map(base.nodes.map((node) => [node.node, node]));
  for (const { node, attempts, failures } of older.flatMap((each) => each.nodes)) {
    const known = nodes.get(node) ?? { node, resting: false, attempts: 0, failures: 0 };
    nodes.set(node, {
      ...known,
      attempts: known.attempts + attempts,
      failures: known.failures + failures,
    });
  }
  return {
    isOut: base.isOut,
    outages: base.outages + sum(older.map(({ outages }) => outages)),
    wentOn: base.wentOn + sum(older.map(({ wentOn }) => wentOn)),
    nodes: [...nodes.values()],
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
