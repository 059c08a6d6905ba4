import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerOptions } from 'node:https';
import type { MetaTlsFiles } from '../../src/meta/tls.ts';
import { readMetaTls } from '../../src/meta/tls.ts';
import { createAuthority, findOpenssl } from '../support/certificates.ts';
import type { Certificate, CertificateAuthority } from '../support/certificates.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';
import { knowsEverybody, saying, startFakeNode } from './fake-node.ts';
import { createNodes } from './nodes.ts';
import { faultOf } from './open-client.ts';

const NO_FILES: MetaTlsFiles = { ca: '', cert: '', key: '', insecureSkipVerify: false };

const describeWithOpenssl = findOpenssl('TLS to meta nodes') ? describe : describe.skip;

describeWithOpenssl('TLS to meta nodes', () => {
  const { node, client, end } = createNodes();
  let dir: TempDir;
  let authority: CertificateAuthority;
  let own: Certificate;
  let withCa: MetaTlsFiles;

  beforeAll(async () => {
    dir = await createTempDir();
    authority = createAuthority(dir.path);
    own = authority.issue('node');
    withCa = { ...NO_FILES, ca: authority.caFile };
  });
  afterAll(() => dir.remove());
  afterEach(end);

  test('needs nothing but the authority', async () => {
    const meta = await node(knowsEverybody, { tls: own });
    expect((await client([meta], { tls: withCa }).user('stan'))?.name).toBe('stan');
  });

  test('takes no certificate without a verified authority, unless that is said', async () => {
    const meta = await node(knowsEverybody, { tls: own });
    const fault = await faultOf(client([meta], { tls: NO_FILES }).user('stan'));
    expect(fault.kind).toBe('certificate');
    const skipped = client([meta], { tls: { ...NO_FILES, insecureSkipVerify: true } });
    expect((await skipped.user('stan'))?.name).toBe('stan');
  });

  interface Case {
    readonly what: string;
    readonly server: () => ServerOptions;
    readonly message: string;
  }
  const CASES: readonly Case[] = [
    {
      what: 'an expired certificate',
      server: () => authority.issue('expired', { isExpired: true }),
      message: 'its certificate has expired; renew it at the node (CERT_HAS_EXPIRED)',
    },
    {
      what: 'a certificate for another host',
      server: () => authority.issue('elsewhere', { subjectAltName: 'DNS:elsewhere.test' }),
      message:
        'meta-addr must name the node as the certificate does (ERR_TLS_CERT_ALTNAME_INVALID)',
    },
    {
      what: 'a certificate of another authority',
      server: () => createAuthority(dir.path, 'other').issue('of-another'),
      message: 'its certificate is not signed by the authority in meta-ca',
    },
    {
      what: 'a self-signed certificate',
      server: () => {
        const { ca } = createAuthority(dir.path, 'self');
        return { cert: ca, key: keyBeside(dir.path, 'self') };
      },
      message: 'its certificate is self-signed; set meta-ca to it (DEPTH_ZERO_SELF_SIGNED_CERT)',
    },
    {
      what: 'a demand for a client certificate (TLS 1.3)',
      server: () => ({ ...own, ca: authority.ca, requestCert: true, minVersion: 'TLSv1.3' }),
      message: 'does not take the certificate of the gateway: check meta-cert and meta-key',
    },
    {
      what: 'a demand for a client certificate (TLS 1.2)',
      server: () => ({ ...own, ca: authority.ca, requestCert: true, maxVersion: 'TLSv1.2' }),
      message: 'does not take the certificate of the gateway: check meta-cert and meta-key',
    },
  ];

  for (const { what, server, message } of CASES) {
    test(`${what} is a fault of its own, after one attempt, and no request got through`, async () => {
      const meta = await node(knowsEverybody, { tls: server() });
      const fault = await faultOf(client([meta], { tls: withCa }).user('stan'));
      expect(fault.message).toContain(message);
      expect(fault.message).toContain(meta.url);
      expect(fault.kind).toBe('certificate');
      expect(meta.connections).toBe(1);
      expect(meta.requests).toEqual([]);
    });
  }

  test('shows the certificate of the gateway', async () => {
    const { certFile, keyFile } = authority.issue('gateway');
    const meta = await node(knowsEverybody, {
      tls: { ...own, ca: authority.ca, requestCert: true },
    });
    const files = { ...withCa, cert: certFile, key: keyFile };
    expect((await client([meta], { tls: files }).user('stan'))?.name).toBe('stan');
  });

  test('a node that speaks no TLS, and one that speaks nothing else, are told as such', async () => {
    const [plain, secure] = [await node(knowsEverybody), await node(knowsEverybody, { tls: own })];
    const toPlain = client([plain], { tls: withCa, timeoutMs: 1_510 });
    expect((await faultOf(toPlain.user('stan'))).message).toContain(
      `${plain.url.replace('http', 'https')} does not speak TLS: check meta-use-tls`,
    );
    const toSecure = client([secure], { timeoutMs: 1_510 });
    expect((await faultOf(toSecure.user('stan'))).message).toContain(
      secure.url.replace('https', 'http'),
    );
    expect([plain.requests, secure.requests]).toEqual([[], []]);
  });

  test('follows a redirect to another host of the same authority, credentials and all', async () => {
    const leader = await node(knowsEverybody, { tls: own });
    const meta = await node(saying(307, '', { location: `${leader.url}/user?name=other` }), {
      tls: own,
    });
    const user = await client([meta], { tls: withCa, username: 'gate' }).user('stan');
    expect(user?.name).toBe('stan');
    expect(leader.requests[0]).toMatchObject({
      target: '/user?name=stan',
      headers: { authorization: expect.stringMatching(/^Basic /) },
    });
  });

  test('does not follow one to a host that cannot prove itself', async () => {
    const foreign = await node(knowsEverybody, {
      tls: createAuthority(dir.path, 'foreign').issue('of-foreign'),
    });
    const meta = await node(saying(307, '', { location: `${foreign.url}/user` }), { tls: own });
    const fault = await faultOf(client([meta], { tls: withCa }).user('stan'));
    expect(fault).toMatchObject({
      kind: 'certificate',
      message: expect.stringContaining(foreign.url),
    });
    expect(foreign.requests).toEqual([]);
  });

  test('without verification it follows one to nodes of meta-addr only', async () => {
    const tls = { ...NO_FILES, insecureSkipVerify: true };
    const leader = await node(knowsEverybody, { tls: own });
    const meta = await node(saying(307, '', { location: `${leader.url}/user` }), { tls: own });
    expect((await faultOf(client([meta], { tls }).user('stan'))).kind).toBe('redirect');
    expect(leader.connections).toBe(0);
    expect((await client([meta, leader], { tls }).user('stan'))?.name).toBe('stan');
  });

  test('does not follow one to plain HTTP', async () => {
    const plain = await node(knowsEverybody);
    const meta = await node(saying(307, '', { location: `${plain.url}/user` }), { tls: own });
    const fault = await faultOf(client([meta], { tls: withCa }).user('stan'));
    expect(fault).toMatchObject({
      kind: 'redirect',
      message: expect.stringContaining('another scheme'),
    });
    expect(plain.connections).toBe(0);
  });

  test('NODE_TLS_REJECT_UNAUTHORIZED in the environment does not count', async () => {
    const meta = await startFakeNode(knowsEverybody, {
      tls: createAuthority(dir.path, 'env').issue('of-env'),
    });
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const fault = await faultOf(client([meta], { tls: withCa }).user('stan'));
      expect(fault.kind).toBe('certificate');
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      await meta.stop();
    }
  });
});

function keyBeside(dir: string, name: string): string {
  return spawnSync('cat', [join(dir, `${name}.key`)], { encoding: 'utf8' }).stdout;
}

describeWithOpenssl('readMetaTls', () => {
  let dir: TempDir;
  let one: Certificate;
  let other: Certificate;
  let ca: string;

  beforeAll(async () => {
    dir = await createTempDir();
    const authority = createAuthority(dir.path);
    ca = authority.caFile;
    one = authority.issue('one');
    other = authority.issue('other');
  });
  afterAll(() => dir.remove());

  async function file(name: string, content: string | Buffer): Promise<string> {
    const path = join(dir.path, name);
    await writeFile(path, content);
    return path;
  }

  test('takes certificate and key in one file, and several authorities', async () => {
    const both = await file('both.pem', one.cert + one.key);
    const cas = await file('cas.pem', `one\n${one.cert}\nand another\n${other.cert}`);
    expect(readMetaTls({ ...NO_FILES, ca: cas, cert: both, key: both })).toMatchObject({
      rejectUnauthorized: true,
    });
  });

  interface Refusal {
    readonly what: string;
    readonly files: () => Partial<MetaTlsFiles> | Promise<Partial<MetaTlsFiles>>;
    readonly message: string;
  }
  const REFUSALS: readonly Refusal[] = [
    {
      what: 'a certificate without its key',
      files: () => ({ cert: one.certFile }),
      message: '[auth] meta-cert is set without meta-key: set both, or neither',
    },
    {
      what: 'a key without its certificate',
      files: () => ({ key: one.keyFile }),
      message: '[auth] meta-key is set without meta-cert: set both, or neither',
    },
    {
      what: 'an authority that is not there',
      files: () => ({ ca: `${dir.path}/none` }),
      message: `cannot read [auth] meta-ca "<dir>/none": ENOENT`,
    },
    {
      what: 'a directory',
      files: () => ({ ca: dir.path }),
      message: `cannot read [auth] meta-ca "<dir>": EISDIR`,
    },
    {
      what: 'a key that is not there',
      files: () => ({ cert: one.certFile, key: `${dir.path}/none` }),
      message: `cannot read [auth] meta-key "<dir>/none": ENOENT`,
    },
    {
      what: 'a certificate in DER',
      files: async () => {
        const der = Buffer.from(one.cert.replace(/-----.*-----|\s/g, ''), 'base64');
        return { cert: await file('one.der', der), key: one.keyFile };
      },
      message: '[auth] meta-cert "<dir>/one.der" holds no certificate in PEM',
    },
    {
      what: 'an empty authority',
      files: async () => ({ ca: await file('empty.pem', '') }),
      message: '[auth] meta-ca "<dir>/empty.pem" holds no certificate in PEM',
    },
    {
      what: 'a key as authority',
      files: () => ({ ca: one.keyFile }),
      message: '[auth] meta-ca "<dir>/one.key" holds no certificate in PEM',
    },
    {
      what: 'a damaged certificate behind a good one',
      files: async () => ({
        ca: await file(
          'damaged.pem',
          `${one.cert}-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n`,
        ),
      }),
      message: '[auth] meta-ca "<dir>/damaged.pem" holds a damaged certificate',
    },
    {
      what: 'a certificate as key',
      files: () => ({ cert: one.certFile, key: one.certFile }),
      message: '[auth] meta-key "<dir>/one.pem" holds no private key in PEM',
    },
    {
      what: 'the key of another certificate',
      files: () => ({ cert: one.certFile, key: other.keyFile }),
      message:
        'the private key in [auth] meta-key "<dir>/other.key" does not belong to the certificate in meta-cert "<dir>/one.pem"',
    },
    {
      what: 'an encrypted key',
      files: async () => {
        const { stdout } = spawnSync(
          'openssl',
          ['pkey', '-in', one.keyFile, '-aes256', '-passout', 'pass:CANARY'],
          { encoding: 'utf8' },
        );
        return { cert: one.certFile, key: await file('encrypted.key', stdout) };
      },
      message: '[auth] meta-key "<dir>/encrypted.key" is encrypted: store it decrypted',
    },
  ];

  for (const { what, files, message } of REFUSALS) {
    test(`refuses ${what}, and names the key and the file`, async () => {
      const set = { ...NO_FILES, ca, ...(await files()) };
      expect(() => readMetaTls(set)).toThrow(message.replaceAll('<dir>', dir.path));
    });
  }

  test('refuses a file that must not be read', async () => {
    const path = await file('secret.key', one.key);
    await chmod(path, 0);
    // root reads it all the same.
    if (process.getuid?.() === 0) return;
    expect(() => readMetaTls({ ...NO_FILES, cert: one.certFile, key: path })).toThrow(/EACCES/);
  });
});
