import { gateIsOpen, usesMetaNodes } from '../../config/config.ts';
import { isLoopback } from '../../config/address.ts';
import { ConfigError } from '../../config/load.ts';
import type { Loaded } from '../../config/load.ts';
import { messageOf } from '../../kernel/errors.ts';
import { loadForCommand, openStoreFor } from '../context.ts';
import type { Context } from '../context.ts';
import { readHttpsFiles } from '../../listener/https-files.ts';
import { lackOfRoom } from '../../users/room.ts';
import { httpsFilesIn } from '../../wiring/https.ts';
import { openMetaClient } from '../../wiring/meta-client.ts';
import { EXIT } from '../terminal.ts';
import { verdictCell } from '../verdict.ts';
import type { Finding } from './finding.ts';
import { logFindings } from './logs.ts';
import { metaFindings } from './meta.ts';
import { readableFindings } from './readable.ts';
import { upstreamFinding } from './upstream.ts';

export interface CheckOptions {
  readonly json?: boolean | undefined;
}

/** Looks at everything that the service needs, a line each. @returns 1 on any fault */
export async function check(context: Context, { json }: CheckOptions): Promise<number> {
  const findings = await findingsOf(context);
  const { out, paint } = context.terminal;
  out(
    json === true
      ? `${JSON.stringify(findings, undefined, 2)}\n`
      : findings
          .map(
            ({ part, result, detail }) =>
              `${verdictCell(paint, result, 7)}  ${part.padEnd(8)}  ${detail}\n`,
          )
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
    ...httpsFindings(loaded),
    await storeFinding(context, loaded),
    // From here on as the gateway's user.
    ...readableFindings(loaded),
    ...logFindings(loaded.config),
    await upstreamFinding(loaded.config),
    adminFinding(loaded),
    ...(await metaFindingsOf(loaded)),
  ];
}

function gateFinding({ config }: Loaded): Finding {
  const part = 'gate';
  if (gateIsOpen(config)) {
    return { part, result: 'warning', detail: 'OPEN: every request passes without credentials' };
  }
  return config.auth.observe
    ? { part, result: 'warning', detail: 'REHEARSAL: every request passes, whatever the verdict' }
    : { part, result: 'ok', detail: 'closed' };
}

function httpsFindings({ config }: Loaded): readonly Finding[] {
  if (!config.http.httpsEnabled) return [];
  const part = 'https';
  try {
    const { shown, warning } = readHttpsFiles(httpsFilesIn(config), Date.now());
    const good = `${shown.subject}, until ${shown.until}`;
    return [
      warning === undefined
        ? { part, result: 'ok', detail: good }
        : // The gateway starts with it, and nobody who checks it comes in.
          { part, result: 'fault', detail: warning },
    ];
  } catch (error) {
    return [{ part, result: 'fault', detail: messageOf(error) }];
  }
}

/** It asks nobody for credentials. */
function adminFinding({ config }: Loaded): Finding {
  const part = 'admin';
  const address = config.admin.bindAddress;
  if (address === undefined) return { part, result: 'ok', detail: 'off: no /metrics, no /readyz' };
  const place = `${address.host}:${address.port}`;
  return isLoopback(address.host)
    ? { part, result: 'ok', detail: `/metrics and /readyz on ${place}` }
    : {
        part,
        result: 'warning',
        detail: `/metrics and /readyz on ${place}, for whoever reaches it: it asks for no credentials`,
      };
}

async function metaFindingsOf({ config }: Loaded): Promise<readonly Finding[]> {
  if (!usesMetaNodes(config)) return [];
  const parts = { now: Date.now, onNodeChange: () => undefined };
  return metaFindings(config, (addresses) => openMetaClient(config, parts, addresses));
}

async function storeFinding(context: Context, loaded: Loaded): Promise<Finding> {
  const part = 'store';
  const { path } = loaded.config.store;
  try {
    const store = openStoreFor(context, loaded);
    const { admins } = store.summary();
    await store.close();
    if (usesMetaNodes(loaded.config)) {
      return { part, result: 'ok', detail: `${path}: its users have no effect beside meta nodes` };
    }
    const lack = await lackOfRoom(path);
    if (lack !== undefined) return { part, result: 'fault', detail: `${path}: ${lack}` };
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
