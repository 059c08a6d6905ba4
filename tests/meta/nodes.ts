import type { MetaClientOptions, MetaNodesClient } from '../../src/meta/client.ts';
import { startFakeNode } from './fake-node.ts';
import type { FakeNode, FakeNodeHandler, FakeNodeOptions } from './fake-node.ts';
import { openClient } from './open-client.ts';

/** Fake nodes and clients of one test, and what ends them. */
export interface Nodes {
  readonly node: (handler: FakeNodeHandler, options?: FakeNodeOptions) => Promise<FakeNode>;
  readonly client: (
    nodes: readonly FakeNode[],
    options?: Partial<MetaClientOptions>,
  ) => MetaNodesClient;
  /** Something else to be undone. */
  readonly later: (undo: () => unknown) => void;
  /** For `afterEach`. */
  readonly end: () => Promise<void>;
}

/** Keeps what a test opens, so that nothing is left open where it fails. */
export function createNodes(): Nodes {
  const undo: (() => unknown)[] = [];
  return {
    node: async (handler, options) => {
      const node = await startFakeNode(handler, options);
      undo.push(() => node.stop());
      return node;
    },
    client: (nodes, options) => {
      const client = openClient(
        nodes.map(({ address }) => address),
        options,
      );
      undo.push(() => client.close());
      return client;
    },
    later: (each) => undo.push(each),
    end: async () => {
      for (const each of undo.splice(0).reverse()) await each();
    },
  };
}
