import type { Config } from '../config/config.ts';
import { messageOf } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import { watchFiles } from '../listener/file-watch.ts';
import { pathsOf, readHttpsFiles } from '../listener/https-files.ts';
import type { HttpsFiles, HttpsReading } from '../listener/https-files.ts';
import { OK } from '../observe/readiness.ts';
import type { PartState } from '../observe/readiness.ts';
import type { TlsSettings } from '../listener/tls.ts';

/** The files of TLS to clients, as they stand in the configuration and as they change. */
export interface Https {
  /** As they are now; undefined where plain HTTP is spoken. */
  readonly settings: TlsSettings | undefined;
  /** Reads what the next configuration names. @throws as readHttpsFiles: then the old goes on */
  prepare(config: Config): { commit(): void };
  /** How the certificate is that is shown now. */
  state(): PartState;
  stop(): void;
}

interface HttpsOptions {
  readonly log: Log;
  readonly now: () => number;
  /** Told what is shown from now on. @throws where it cannot be */
  readonly onChange: (settings: TlsSettings) => void;
  readonly intervalMs?: number;
}

const INTERVAL_MS = 2_000;

/** Reads the files at the start, and looks at them every two seconds. @throws as readHttpsFiles */
export function openHttps(config: Config, options: HttpsOptions): Https {
  const { log, now } = options;
  if (!config.http.httpsEnabled) {
    return { settings: undefined, prepare: () => NOTHING, state: () => OK, stop: () => undefined };
  }
  const watch = (watched: HttpsFiles): ReturnType<typeof watchFiles> =>
    watchFiles({
      paths: pathsOf(watched),
      intervalMs: options.intervalMs ?? INTERVAL_MS,
      onChange: () => {
        const fault = takeUp(watched, options, (until) => {
          shownUntil = until;
        });
        refusedChange = fault;
      },
    });
  let refusedChange: string | undefined;
  const files = httpsFilesIn(config);
  const first = readHttpsFiles(files, now());
  if (first.warning !== undefined) log.warn(first.warning);
  let shownUntil = first.shown.until;
  let watching = watch(files);
  return {
    settings: first.settings,
    prepare: (next) => {
      // Whether TLS is spoken at all, only a restart takes up.
      if (!next.http.httpsEnabled) return NOTHING;
      const nextFiles = httpsFilesIn(next);
      const reading = readHttpsFiles(nextFiles, now());
      return {
        commit: () => {
          options.onChange(reading.settings);
          refusedChange = undefined;
          shownUntil = reading.shown.until;
          if (reading.warning !== undefined) log.warn(reading.warning);
          watching.stop();
          watching = watch(nextFiles);
        },
      };
    },
    state: () => stateOf(shownUntil, refusedChange, now()),
    stop: () => {
      watching.stop();
    },
  };
}

const NOTHING = { commit: () => undefined };

/** @param refusedChange why what stands in the files now is not shown */
function stateOf(until: string, refusedChange: string | undefined, nowMs: number): PartState {
  if (nowMs > Date.parse(until)) {
    return { state: 'fault', detail: `the certificate ended on ${until}: renew it` };
  }
  return refusedChange === undefined
    ? { state: 'ok', detail: `until ${until}` }
    : { state: 'warning', detail: `a changed certificate is not taken up: ${refusedChange}` };
}

/**
 * Files that changed by themselves. One that is not good now takes nobody's place.
 * @returns why it is not taken up
 */
function takeUp(
  files: HttpsFiles,
  { log, now, onChange }: HttpsOptions,
  onShown: (until: string) => void,
): string | undefined {
  try {
    const { settings, shown, warning }: HttpsReading = readHttpsFiles(files, now());
    if (warning !== undefined) throw new Error(warning);
    onChange(settings);
    onShown(shown.until);
    log.info('the changed certificate is shown from now on', shown);
    return undefined;
  } catch (error) {
    const cause = messageOf(error);
    log.error('the changed certificate is not taken up, the old one goes on', { cause });
    return cause;
  }
}

/** The files that a configuration names for TLS to clients. */
export function httpsFilesIn({ http }: Config): HttpsFiles {
  return {
    certificate: http.httpsCertificate,
    privateKey: http.httpsPrivateKey,
    clientCa: http.httpsClientCa,
    clientAuth: http.httpsClientAuth,
  };
}
