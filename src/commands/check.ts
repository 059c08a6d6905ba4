import { readFileSync } from 'node:fs';
import { gateIsOpen } from '../config/config.ts';
import { ConfigError } from '../config/load.ts';
import type { Loaded } from '../config/load.ts';
import { readText } from '../config/read-text.ts';
import { messageOf } from '../kernel/errors.ts';
import { probeUpstream } from '../proxy/probe.ts';
import { loadForCommand, openStoreFor } from './context.ts';
import type { Context } from './context.ts';
import { CommandError, EXIT } from './terminal.ts';

export interface CheckOptions {
  readonly json?: boolean | undefined;
}

interface Finding {
  readonly part: string;
  readonly result: 'ok' | 'warning' | 'fault';
  readonly detail: string;
}

/** Looks at everything that the service needs, a line each. @returns 1 on any fault */
export async function check(context: Context, { json }: CheckOptions): Promise<number> {
  const findings = await findingsOf(context);
  context.terminal.out(
    json === true
      ? `${JSON.stringify(findings, undefined, 2)}\n`
      : findings
          .map(({ part, result, detail }) => `${result.padEnd(7)}  ${part.padEnd(8)}  ${detail}\n`)
          .join(''),
  );
  return findings.some(({ result }) => result === 'fault') ? EXIT.failed : EXIT.ok;
}

async function findingsOf(context: Context): Promise<Finding[]> {
  let loaded: Loaded;
  try {
    loaded = loadForCommand(context);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((detail) => ({ part: 'config', result: 'fault', detail }));
  }
  return [
    {
      part: 'config',
      result: 'ok',
      detail: loaded.file ?? 'no file: the defaults and the environment',
    },
    gateFinding(loaded),
    await storeFinding(context, loaded),
    await upstreamFinding(loaded),
  ];
}

function gateFinding({ config }: Loaded): Finding {
  return gateIsOpen(config)
    ? { part: 'gate', result: 'warning', detail: 'OPEN: every request passes without credentials' }
    : { part: 'gate', result: 'ok', detail: 'closed' };
}

async function storeFinding(context: Context, loaded: Loaded): Promise<Finding> {
  const part = 'store';
  const { path } = loaded.config.store;
  try {
    const store = openStoreFor(context, loaded);
    const { admins } = store.summary();
    await store.close();
    return admins > 0
      ? { part, result: 'ok', detail: `${path}: ${admins} admin${admins === 1 ? '' : 's'}` }
      : {
          part,
          result: 'warning',
          detail: `${path}: no admin yet: kapgate users add NAME --admin`,
        };
  } catch (error) {
    return { part, result: 'fault', detail: messageOf(error) };
  }
}

async function upstreamFinding({ config }: Loaded): Promise<Finding> {
  const part = 'upstream';
  const { url, ca } = config.upstream;
  try {
    const { status, version } = await probeUpstream({
      ...config.upstream,
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
