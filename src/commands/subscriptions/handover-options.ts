import { hostname } from 'node:os';
import type { Config } from '../../config/config.ts';
import { parseDuration } from '../../config/duration.ts';
import type { Loaded } from '../../config/load.ts';
import type { Secret } from '../../kernel/secret.ts';
import { readPasswordFile } from '../ask-password.ts';
import type { Context } from '../context.ts';
import { CommandError, EXIT } from '../terminal.ts';
import { openInfluxDb } from './influxdb.ts';
import type { InfluxDb } from './influxdb.ts';
import { openKapacitor } from './kapacitor.ts';
import type { Kapacitor } from './kapacitor.ts';

/** What the command line says about putting a new secret into InfluxDB. */
export interface HandoverOptions {
  readonly influxdb?: string | undefined;
  readonly influxdbUser?: string | undefined;
  readonly influxdbPasswordFile?: string | undefined;
  /** How InfluxDB reaches the gateway. */
  readonly gateway?: string | undefined;
  /** The name of Kapacitor's subscriptions, where it cannot be asked. */
  readonly subscription?: string | undefined;
  readonly yes?: boolean | undefined;
  readonly testPoint?: boolean | undefined;
  readonly wait: string;
}

/** Everything that a handover is done with. */
export interface Handover {
  readonly influxdb: InfluxDb;
  readonly kapacitor: Kapacitor;
  readonly subscription: string | undefined;
  /** Nothing is asked: each step is confirmed beforehand. */
  readonly isConfirmed: boolean;
  /** A marker may be written where no point comes by itself. */
  readonly mayWriteTestPoint: boolean;
  /** How long points, Kapacitor and InfluxDB are waited for. */
  readonly waitMs: number;
}

/** Undefined where no InfluxDB was given. @throws CommandError before anything is changed */
export function openHandover(
  { terminal }: Context,
  { config }: Loaded,
  options: HandoverOptions,
  password: Secret | undefined,
): Handover | undefined {
  const { influxdb, influxdbUser, yes } = options;
  gatewayUrl(config, options);
  if (influxdb === undefined) return undefined;
  const isConfirmed = yes === true;
  if (!isConfirmed && !terminal.isInteractive) {
    throw new CommandError('no terminal to confirm each step on: give --yes', EXIT.usage);
  }
  return {
    influxdb: openInfluxDb({
      url: influxdb,
      user: influxdbUser,
      password,
    }),
    kapacitor: openKapacitor(config),
    subscription: options.subscription,
    isConfirmed,
    mayWriteTestPoint: options.testPoint === true,
    waitMs: waitOf(options),
  };
}

/** To be read before the store is opened: behind that, root is root no more. @throws CommandError */
export function influxPassword({ influxdbPasswordFile }: HandoverOptions): Secret | undefined {
  return influxdbPasswordFile === undefined ? undefined : readPasswordFile(influxdbPasswordFile);
}

/** As `--gateway` says, else this host's name and the port that the gateway listens on. @throws CommandError */
export function gatewayUrl({ http }: Config, { gateway }: HandoverOptions): URL {
  const { host, port } = http.bindAddress;
  const isAnyHost = host === '' || host === '0.0.0.0' || host === '::';
  const own = isAnyHost ? hostname() : host.includes(':') ? `[${host}]` : host;
  const text = gateway ?? `${http.httpsEnabled ? 'https' : 'http'}://${own}:${port}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) {
    return url;
  }
  throw new CommandError(
    `--gateway takes scheme, host and port only, as InfluxDB reaches the gateway: http://${own}:${port}`,
    EXIT.usage,
  );
}

function waitOf({ wait }: HandoverOptions): number {
  const ms = parseDuration(wait);
  if (ms !== undefined && ms >= 1000 && ms <= 3_600_000) return ms;
  throw new CommandError(
    `--wait takes a duration of 1s to 1h: ${JSON.stringify(wait)}`,
    EXIT.usage,
  );
}
