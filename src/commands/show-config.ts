import { renderDocs } from '../config/docs.ts';
import { renderSettings, settingsJson } from '../config/settings.ts';
import { loadForCommand } from './context.ts';
import type { Context } from './context.ts';
import { EXIT } from './terminal.ts';

export interface ShowConfigOptions {
  readonly json?: boolean | undefined;
  readonly docs?: boolean | undefined;
}

/** Prints the effective configuration and where each value came from; secrets as `[redacted]`. */
export function showConfig(context: Context, options: ShowConfigOptions): number {
  const { out } = context.terminal;
  if (options.docs === true) {
    out(renderDocs());
    return EXIT.ok;
  }
  const { origins } = loadForCommand(context);
  out(
    options.json === true
      ? `${JSON.stringify(settingsJson(origins), undefined, 2)}\n`
      : renderSettings(origins),
  );
  return EXIT.ok;
}
