import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

/** What a server answered. */
export interface Answer {
  readonly status: number;
  /** `X-Kapacitor-Version`; undefined where there is none. */
  readonly kapacitorVersion: string | undefined;
  /** Milliseconds since 1970, from its Date header. */
  readonly date: number | undefined;
  readonly body: string;
}

export interface AskOptions {
  /** In PEM. */
  readonly ca?: string | undefined;
  readonly insecureSkipVerify?: boolean | undefined;
}

const TIMEOUT_MS = 3000;
const MAX_BODY_BYTES = 16_777_216;

/** GETs a URL, redirects not followed. @throws where no answer comes in time */
export async function ask(url: string, options: AskOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? requestHttps : requestHttp;
    const request = send(
      withoutZone(url),
      {
        agent: false,
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...zoneOf(url),
        ...(options.ca === undefined ? {} : { ca: options.ca }),
        rejectUnauthorized: options.insecureSkipVerify !== true,
      },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          bytes += chunk.length;
          if (bytes > MAX_BODY_BYTES) request.destroy(new Error('the answer is too long'));
        });
        response.once('error', reject);
        response.once('end', () => {
          const version = response.headers['x-kapacitor-version'];
          const date = Date.parse(response.headers.date ?? '');
          resolve({
            status: response.statusCode ?? 0,
            kapacitorVersion: typeof version === 'string' ? version : undefined,
            date: Number.isNaN(date) ? undefined : date,
            body: Buffer.concat(chunks).toString('utf8'),
          });
        });
      },
    );
    request.once('error', reject);
    request.end();
  });
}

const ZONE = /^(https?:\/\/)\[([^\]%]+)(%[^\]]+)\]/;

/** URLs know no zones; sockets do. */
function withoutZone(url: string): string {
  return url.replace(ZONE, '$1[$2]');
}

function zoneOf(url: string): { readonly hostname?: string } {
  const [, , host, zone] = ZONE.exec(url) ?? [];
  return host === undefined || zone === undefined ? {} : { hostname: `${host}${zone}` };
}
