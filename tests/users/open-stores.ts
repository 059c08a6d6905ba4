import { afterEach } from '@jest/globals';
import { join } from 'node:path';
import { openUserStore } from '../../src/users/store.ts';
import type { UserStore } from '../../src/users/store.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

interface Opened {
  readonly store: UserStore;
  readonly path: string;
}

/** Stores in directories of their own, closed and removed after each test. */
export function useStores(): {
  readonly path: () => Promise<string>;
  readonly open: (path?: string) => Promise<Opened>;
} {
  const dirs: TempDir[] = [];
  const stores: UserStore[] = [];
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
    for (const dir of dirs.splice(0)) await dir.remove();
  });
  const newPath = async (): Promise<string> => {
    const dir = await createTempDir();
    dirs.push(dir);
    return join(dir.path, 'store');
  };
  const open = async (path?: string): Promise<Opened> => {
    const at = path ?? (await newPath());
    const store = openUserStore({ path: at, minimumCost: 4 });
    stores.push(store);
    return { store, path: at };
  };
  return { path: newPath, open };
}
