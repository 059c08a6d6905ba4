import { z } from 'zod';
import { messageOf } from '../../kernel/errors.ts';
import { ask } from './ask.ts';
import type { AskOptions } from './ask.ts';

/** An [[influxdb]] of Kapacitor, as it is in effect: file, variables and overrides together. */
export interface Subscriber {
  readonly name: string;
  readonly subscribes: boolean;
  readonly protocol: string;
  readonly hostname: string;
  /** 0: Kapacitor's own port. */
  readonly port: number;
  /** Undefined before 1.5.8, which has no such key. */
  readonly path: string | undefined;
}

/** What Kapacitor says of its subscriptions. */
export interface Subscribers {
  readonly all: readonly Subscriber[];
  /** What its subscriptions are named by; empty where it does not say. */
  readonly ids: readonly string[];
}

const CONFIG = z.object({
  elements: z.array(
    z.object({
      options: z.object({
        name: z.string().default('default'),
        enabled: z.boolean().default(true),
        'disable-subscriptions': z.boolean().default(false),
        'subscription-protocol': z.string().default('http'),
        'kapacitor-hostname': z.string().default(''),
        'http-port': z.number().default(0),
        'subscription-path': z.string().optional(),
      }),
    }),
  ),
});

const VARS = z.object({
  cluster_id: z.string().default(''),
  server_id: z.string().default(''),
  host: z.string().default(''),
});

const OK = 200;

/** Asks Kapacitor, past the gate. Refused in words where it has no such thing (before 1.1), or does not answer. */
export async function readSubscribers(
  url: string,
  options: AskOptions,
): Promise<Subscribers | { readonly refused: string }> {
  try {
    const config = CONFIG.safeParse(await jsonAt(`${url}/kapacitor/v1/config/influxdb`, options));
    if (!config.success) return { refused: 'Kapacitor does not say it in words known here' };
    const vars = VARS.safeParse(await jsonAt(`${url}/kapacitor/v1/debug/vars`, options));
    const { cluster_id: cluster, server_id: server, host } = vars.data ?? VARS.parse({});
    return {
      all: config.data.elements.map(({ options: element }) => ({
        name: element.name,
        subscribes: element.enabled && !element['disable-subscriptions'],
        protocol: element['subscription-protocol'],
        hostname: element['kapacitor-hostname'] === '' ? host : element['kapacitor-hostname'],
        port: element['http-port'],
        path: element['subscription-path'],
      })),
      ids: [cluster, server].filter((id) => id !== ''),
    };
  } catch (error) {
    return { refused: messageOf(error) };
  }
}

async function jsonAt(url: string, options: AskOptions): Promise<unknown> {
  const { status, body } = await ask(url, options);
  if (status !== OK) throw new Error(`${url} answers ${status}`);
  return JSON.parse(body);
}
