import type { Attempt, Question } from './attempt.ts';
import { MetaFault } from './fault.ts';
import type { MetaNode } from './node.ts';

/** One call on its way through the nodes. */
export interface Progress {
  /** Of `performance.now()`. */
  readonly deadlineMs: number;
  /** Nodes that would say the same again. */
  readonly spent: Set<MetaNode>;
  /** What each node last failed with, in the order in which they were first asked. */
  readonly faults: Map<MetaNode, MetaFault>;
}

export interface RoundsOptions {
  readonly nodes: readonly MetaNode[];
  readonly attempt: Attempt;
  readonly closing: AbortSignal;
}

interface Found<T> {
  readonly value: T;
}

/**
 * Asks each node once, until one answers, the one that worked last first; undefined where none did.
 * Each gets an equal share of the time that is left: one that hangs never uses up that of another.
 * The promise rejects with a MetaFault where it is no use to ask on.
 */
export type Round = <T>(question: Question<T>, progress: Progress) => Promise<Found<T> | undefined>;

export function createRounds({ nodes, attempt, closing }: RoundsOptions): Round {
  let first = 0;
  return async (question, progress) => {
    const inOrder = [...nodes.slice(first), ...nodes.slice(0, first)];
    for (const [index, node] of inOrder.entries()) {
      const leftMs = progress.deadlineMs - performance.now();
      if (leftMs <= 0) return undefined;
      const toAsk = inOrder.slice(index).filter((each) => each.isOpen && !progress.spent.has(each));
      if (toAsk[0] !== node) continue;
      const timeMs = leftMs / toAsk.length;
      const found = await askNode(node, progress, () =>
        attempt(node.origin, question, timeMs, closing),
      );
      if (found !== undefined) {
        first = nodes.indexOf(node);
        return found;
      }
    }
    return undefined;
  };

  async function askNode<T>(
    node: MetaNode,
    progress: Progress,
    ask: () => ReturnType<typeof attempt<T>>,
  ): Promise<Found<T> | undefined> {
    const turn = node.enter();
    if (turn === undefined) return undefined;
    let end = turn.leave;
    try {
      const reading = await ask();
      if (closing.aborted) throw closed();
      if ('value' in reading) {
        end = turn.worked;
        return reading;
      }
      const { fault, then, blamed } = reading;
      if (blamed !== undefined) end = blamed ? () => turn.failed(fault) : turn.worked;
      if (then === 'stop') throw fault;
      if (then === 'elsewhere') progress.spent.add(node);
      progress.faults.set(node, fault);
      return undefined;
    } finally {
      end();
    }
  }
}

/** What calls under way and later ones end with once the client is closed. */
export function closed(): MetaFault {
  return new MetaFault('unreachable', 'the gateway is stopping: meta nodes are asked no more');
}
