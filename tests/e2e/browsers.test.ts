import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createServer, request } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { findBrowser, startBrowser } from '../support/browser.ts';
import type { Browser } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordedRequest, RecordingUpstream } from '../support/recording-upstream.ts';

const describeInBrowser = findBrowser('origin rules in a browser') ? describe : describe.skip;

const TASKS = '/kapacitor/v1/tasks';
const ANN = `Basic ${Buffer.from('ann:pw-ann').toString('base64')}`;
const LIMIT_MS = 240_000;

let upstream: RecordingUpstream;
/** A server of pages that have nothing to do with the gateway: another port, and another host name. */
let pages: Server;
let foreign: string;
let browser: Browser;
let gateway: OpenGateway;

/** A form of a foreign page that sends what Kapacitor takes for JSON, as soon as it is open. */
const formTo = (port: number): string =>
  `<form method=post enctype=text/plain action="http://127.0.0.1:${port}${TASKS}">
   <input name='{"id":"evil","x":"' value='"}'></form>
   <script>onload = () => setTimeout(() => document.forms[0].submit(), 0)</script>`;

/** As Chronograf's proxy does: what its page sent, Origin and all, with X-Forwarded-For and a password of its own. */
function passOn(incoming: IncomingMessage, response: ServerResponse): void {
  const [, , port, ...path] = (incoming.url ?? '').split('/');
  const outgoing = request(
    {
      ...{ host: '127.0.0.1', port, path: `/${path.join('/')}`, method: incoming.method },
      headers: {
        ...incoming.headers,
        host: `127.0.0.1:${port}`,
        authorization: ANN,
        'x-forwarded-for': '127.0.0.1',
      },
    },
    (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(response);
    },
  );
  incoming.pipe(outgoing);
}

describeInBrowser('in Chromium', () => {
  beforeAll(async () => {
    upstream = await startRecordingUpstream(
      answering(200, { 'X-Kapacitor-Version': '1.5.9' }, 'secret'),
    );
    pages = createServer((incoming, response) => {
      if (incoming.url?.startsWith('/chronograf/') === true) {
        passOn(incoming, response);
        return;
      }
      const port = Number(/^\/form\/(\d+)$/.exec(incoming.url ?? '')?.[1]);
      response.setHeader('Content-Type', 'text/html');
      response.end(Number.isNaN(port) ? '<title>foreign</title>' : formTo(port));
    });
    await new Promise<void>((resolve) => {
      pages.listen(0, '127.0.0.1', resolve);
    });
    foreign = `http://localhost:${(pages.address() as AddressInfo).port}`;
    browser = await startBrowser();
  }, LIMIT_MS);

  afterEach(async () => {
    await gateway.stop();
    upstream.clear();
  });

  afterAll(async () => {
    await browser.stop();
    pages.close();
    pages.closeAllConnections();
    await upstream.stop();
  });

  async function start(env: Readonly<Record<string, string>> = {}): Promise<string> {
    gateway = await openGateway({ upstream: upstream.url, env });
    return `http://127.0.0.1:${gateway.port}`;
  }

  const arrived = (method: string): readonly RecordedRequest[] =>
    upstream.requests.filter((request) => request.method === method);

  /** The page's fetch: status and body, or why the page got none. */
  function fetchIn(url: string, options: object): Promise<unknown> {
    return browser.run(`
      try {
        const answer = await fetch(${JSON.stringify(url)}, ${JSON.stringify(options)});
        const version = answer.headers.get('x-kapacitor-version');
        return answer.type === 'opaque' ? 'opaque' : [answer.status, await answer.text(), version];
      } catch (error) {
        return String(error);
      }`);
  }

  const BLOCKED = 'TypeError: Failed to fetch';

  describe('somebody who is logged in by the box of the browser', () => {
    const CHALLENGE = { KAPGATE_HTTP_CHALLENGE: 'true' };

    async function logIn(env: Readonly<Record<string, string>>): Promise<string> {
      const url = await start({ ...CHALLENGE, ...env });
      await browser.login(`${url}${TASKS}`, 'ann', 'pw-ann');
      expect(arrived('GET').length).toBe(1);
      return url;
    }

    const posted = (): readonly (readonly [unknown, unknown])[] =>
      gateway.accesses
        .filter(({ method }) => method === 'POST')
        .map(({ username, status }) => [username, status]);

    test(
      'does not make a task by opening a foreign page with a form',
      async () => {
        await logIn({});
        await browser.open(`${foreign}/form/${gateway.port}`);
        await eventually('the form', () => posted().length > 0);
        // The browser sent ann's password along.
        expect(posted()).toEqual([['ann', 403]]);
        expect(arrived('POST')).toEqual([]);
      },
      LIMIT_MS,
    );

    test(
      'would make one without the rule: it passes where that page is allowed',
      async () => {
        await logIn({ KAPGATE_HTTP_ALLOWED_ORIGINS: foreign });
        await browser.open(`${foreign}/form/${gateway.port}`);
        await eventually('the form', () => posted().length > 0);
        expect(posted()).toEqual([['ann', 200]]);
        expect(arrived('POST').map(({ body }) => body.toString().trim())).toEqual([
          '{"id":"evil","x":"="}',
        ]);
      },
      LIMIT_MS,
    );

    test(
      'does not make one by a script of a foreign page, nor has it read anything',
      async () => {
        const url = await logIn({});
        upstream.clear();
        await browser.open(foreign);
        const body = '{"id":"evil"}';
        for (const mode of ['no-cors', 'cors']) {
          await fetchIn(`${url}${TASKS}`, { method: 'POST', mode, credentials: 'include', body });
        }
        expect(await fetchIn(`${url}${TASKS}`, { credentials: 'include' })).toBe(BLOCKED);
        expect(arrived('POST')).toEqual([]);
      },
      LIMIT_MS,
    );

    test(
      'works with the gateway’s own page',
      async () => {
        const url = await logIn({});
        const options = { method: 'POST', body: '{"id":"mine"}' };
        expect(await fetchIn(`${url}${TASKS}`, options)).toEqual([200, 'secret', '1.5.9']);
        expect(arrived('POST').length).toBe(1);
      },
      LIMIT_MS,
    );
  });

  test(
    'no box comes up by default: the refusal is shown',
    async () => {
      const url = await start();
      await browser.open(`${url}${TASKS}`);
      expect(await browser.run('return document.body.innerText')).toContain(
        'unable to parse authentication credentials',
      );
    },
    LIMIT_MS,
  );

  test(
    'Chronograf’s page works through its server',
    async () => {
      await start();
      await browser.open(foreign);
      const through = `${foreign}/chronograf/${gateway.port}${TASKS}`;
      const options = { method: 'POST', body: '{"id":"mine"}' };
      expect(await fetchIn(through, options)).toEqual([200, 'secret', '1.5.9']);
      const [sent] = arrived('POST');
      expect(sent?.body.toString()).toBe(options.body);
    },
    LIMIT_MS,
  );

  describe('a script that knows a password', () => {
    const options = {
      method: 'PATCH',
      headers: { Authorization: ANN, 'Content-Type': 'application/json' },
      body: '{"status":"disabled"}',
    };

    test(
      'is not let ask where its origin is not allowed',
      async () => {
        const url = await start({ KAPGATE_HTTP_ALLOWED_ORIGINS: 'https://partner.example' });
        await browser.open(foreign);
        expect(await fetchIn(`${url}${TASKS}/x`, options)).toBe(BLOCKED);
        const added = { headers: { 'X-Forwarded-For': '10.0.0.1' }, method: 'POST' };
        expect(await fetchIn(`${url}${TASKS}`, added)).toBe(BLOCKED);
        expect(upstream.requests).toEqual([]);
        const methods = (await gateway.accessed(2)).map(({ method }) => method);
        expect(methods).toEqual(['OPTIONS', 'OPTIONS']);
      },
      LIMIT_MS,
    );

    test(
      'asks and reads where it is',
      async () => {
        const url = await start({ KAPGATE_HTTP_ALLOWED_ORIGINS: foreign });
        await browser.open(foreign);
        expect(await fetchIn(`${url}${TASKS}/x`, options)).toEqual([200, 'secret', '1.5.9']);
        const { headers } = options;
        expect(await fetchIn(`${url}${TASKS}`, { headers })).toEqual([200, 'secret', '1.5.9']);
        const nobody = await fetchIn(`${url}${TASKS}`, {});
        expect(nobody).toEqual([401, expect.stringContaining('unable to parse'), null]);
        expect(upstream.requests.map(({ method }) => method)).toEqual(['PATCH', 'GET']);
      },
      LIMIT_MS,
    );
  });
});
