import { replayTexts } from '../cluster/config-texts.ts';
import { runWorker } from '../cluster/run-worker.ts';
import { loadSilently } from './context.ts';
import type { Context } from './context.ts';
import { CommandError, EXIT } from './terminal.ts';

/** Serves as one of the workers of `serve`, which starts it. @throws CommandError for whoever else does */
export async function work(context: Context): Promise<number> {
  const { terminal, version = '' } = context;
  const { channel } = terminal;
  if (channel === undefined) {
    throw new CommandError('a worker is started by kapgate serve, where [http] workers says so');
  }
  // systemd and terminals signal all processes of a service: the first one tells the others what to do.
  terminal.onStop(() => undefined);
  terminal.onReload(() => undefined);
  terminal.onReopen(() => undefined);
  try {
    await runWorker({
      channel,
      version,
      output: terminal,
      load: (texts) => loadSilently(context, replayTexts(texts)).config,
    });
    return EXIT.ok;
  } catch {
    // It has told the one that started it.
    return EXIT.failed;
  }
}
