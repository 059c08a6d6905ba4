import { exportLines } from '../users/import/export-file.ts';
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
  const { process, out, err } = context.terminal;
  const file = output === undefined ? undefined : openPrivateFile(output, { force, process });
  try {
    return await withStore(context, (store) => {
      const write = file === undefined ? out : file.write;
      let lines = 0;
      for (const line of exportLines(store.snapshot(), new Date().toISOString())) {
        write(`${line}\n`);
        lines++;
      }
      file?.finish();
      if (file !== undefined) err(`exported ${lines - 1} users; the file holds their hashes\n`);
      return EXIT.ok;
    });
  } finally {
    file?.close();
  }
}
