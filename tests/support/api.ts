import { request } from 'node:http';

export interface ApiAnswer {
  readonly status: number;
  header(name: string): string | undefined;
  readonly body: Buffer;
  readonly text: string;
  /** The body as JSON; throws where it is none. */
  readonly json: unknown;
}

export interface ApiCall {
  /** `NAME:PASSWORD`, sent as Basic credentials. */
  readonly user?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is; anything but a string or bytes as JSON. */
  readonly body?: unknown;
}

/** One request over a connection of its own. Rejects where no whole answer comes. */
export function call(
  port: number,
  method: string,
  path: string,
  { user, headers = {}, body }: ApiCall = {},
): Promise<ApiAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        agent: false,
        headers: { ...(user === undefined ? {} : { Authorization: basic(user) }), ...headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          resolve({
            status: response.statusCode ?? 0,
            header: (name) => response.headers[name.toLowerCase()]?.toString(),
            body: bytes,
            text: bytes.toString('utf8'),
            get json() {
              return JSON.parse(bytes.toString('utf8')) as unknown;
            },
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(bytesOf(body));
  });
}

/** The value of an Authorization header. @param user `NAME:PASSWORD` */
export function basic(user: string): string {
  return `Basic ${Buffer.from(user).toString('base64')}`;
}

function bytesOf(body: unknown): string | Buffer {
  if (body === undefined) return '';
  return typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
}
