import { readFileSync } from 'node:fs';
import type { Config } from '../../config/config.ts';
import { readText } from '../../config/read-text.ts';
import { messageOf } from '../../kernel/errors.ts';
import { probeUpstream } from '../../proxy/probe.ts';
import { CommandError } from '../terminal.ts';
import type { Finding } from './finding.ts';

/** Whether Kapacitor answers, and lets the gateway in. */
export async function upstreamFinding({ upstream }: Config): Promise<Finding> {
  const part = 'upstream';
  const { url, ca } = upstream;
  try {
    const { status, version } = await probeUpstream({
      ...upstream,
      origin: url,
      ca: ca === '' ? undefined : readCa(ca),
    });
    if (status === 401) {
      const detail = `${url} asks for credentials itself: turn [http] auth-enabled off in kapacitor.conf`;
      return { part, result: 'fault', detail };
    }
    return version === ''
      ? { part, result: 'fault', detail: `${url} answers, but not as Kapacitor does (${status})` }
      : { part, result: 'ok', detail: `${url}: Kapacitor ${version}` };
  } catch (error) {
    if (error instanceof CommandError) return { part, result: 'fault', detail: error.message };
    const detail = `${url} cannot be reached: ${messageOf(error)}; is kapacitord running there?`;
    return { part, result: 'fault', detail };
  }
}

function readCa(path: string): string {
  const file = readText((name) => readFileSync(name, 'utf8'), path);
  if ('text' in file) return file.text;
  throw new CommandError(`cannot read [upstream] ca ${JSON.stringify(path)}: ${file.refused}`);
}
