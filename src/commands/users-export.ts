import { exportLines } from '../users/import/export-file.ts';
import type { Snapshot } from '../users/store.ts';
import { inChunks } from './chunks.ts';
import type { Context } from './context.ts';
import { withStore } from './local-store.ts';
import { openPrivateFile } from './private-file.ts';
import { EXIT } from './terminal.ts';

export interface ExportOptions {
  readonly output?: string | undefined;
  readonly force?: boolean | undefined;
}

/** Everything of the store as of one moment, a line each, whether the gateway runs or not. */
export async function exportUsers(context: Context, options: ExportOptions): Promise<number> {
  const { output, force } = options;
  const { process, out, err, drained } = context.terminal;
  const file = output === undefined ? undefined : openPrivateFile(output, { force, process });
  try {
    return await withStore(context, async (store) => {
      const snapshot = store.snapshot();
      const lines = exportLines(snapshot, new Date().toISOString());
      for (const chunk of inChunks(lines)) {
        if (file === undefined) out(chunk);
        else file.write(chunk);
        // A pipe takes 64 KiB, and then waits for its reader.
        await drained?.();
      }
      file?.finish();
      if (file !== undefined) err(`${doneWith(snapshot)}\n`);
      return EXIT.ok;
    });
  } finally {
    file?.close();
  }
}

function doneWith({ summary, subscriptions }: Snapshot): string {
  return `exported ${summary.users} users and ${subscriptions.length} subscriptions; the file holds their hashes`;
}
