import { createAuthenticate } from '../authenticate/authenticate.ts';
import type { Authenticate } from '../authenticate/authenticate.ts';
import type { Hashing } from '../authenticate/hashing.ts';
import { createPasswords } from '../authenticate/password.ts';
import type { Passwords } from '../authenticate/password.ts';
import { createThrottle } from '../authenticate/throttle.ts';
import type { Throttle } from '../authenticate/throttle.ts';
import { createTokens } from '../authenticate/token.ts';
import { createVerifiedPasswords } from '../authenticate/verified.ts';
import { decidingOf } from '../authorize/deciding.ts';
import { gateIsOpen, usesMetaNodes } from '../config/config.ts';
import type { Config } from '../config/config.ts';
import { errorAnswer } from '../kernel/answer.ts';
import { messageOf } from '../kernel/errors.ts';
import type { Handler } from '../kernel/exchange.ts';
import type { Log } from '../kernel/log.ts';
import { readCertificates } from '../kernel/pem.ts';
import { isUsersApi } from '../kernel/routes.ts';
import { isNowhere } from '../kernel/subscription-path.ts';
import { createAdmission } from '../listener/admission.ts';
import { createCrossSite } from '../listener/cross-site.ts';
import type { Judges } from '../listener/judge.ts';
import type { Service } from '../listener/server.ts';
import type { AuditFile } from '../observe/audit-file.ts';
import { sumMeta } from '../observe/figures.ts';
import type { Figures, MetaFigures } from '../observe/figures.ts';
import type { Meters } from '../observe/meters.ts';
import type { Look } from '../observe/readiness.ts';
import { createAudit } from '../observe/audit.ts';
import type { Audit } from '../observe/audit.ts';
import { createProxy } from '../proxy/proxy.ts';
import type { Proxy } from '../proxy/proxy.ts';
import type { StillAllowed } from '../proxy/recheck.ts';
import type { UserStore } from '../users/store.ts';
import { openLocalUsers } from './local-users.ts';
import { openLooks } from './looks.ts';
import { createRunning } from './running.ts';
import { openService, tellFailure } from './service.ts';
import { createStillAllowed } from './still-allowed.ts';
import type { UserSource } from './user-source.ts';

/** All that one configuration makes of the gateway: what requests go through, until a reload puts the next there. */
export interface Generation extends Service {
  /** Asked of streams, those of earlier generations too. */
  readonly stillAllowed: StillAllowed;
  /** Resolves once the last of its requests has ended and its connections are closed. */
  retire(): Promise<void>;
  /** Cuts what is under way. */
  stop(): Promise<void>;
  figures(): Figures;
  /** What /readyz looks at. */
  readonly looks: Readonly<Record<string, Look>>;
  readonly config: Config;
}

/** Makes what counts the failed logins of a configuration. */
export type OpenThrottle = (limit: Config['limits']['loginFailures']) => Throttle;

/** What outlives a reload. */
export interface Lasting {
  readonly store: UserStore;
  /** Undefined where none is configured. */
  readonly auditFile: AuditFile | undefined;
  /** One queue and its threads for all configurations. */
  readonly hashing: Hashing;
  readonly meters: Meters;
  /** What the meta nodes' counts came to in configurations that a reload has ended. */
  readonly ended: { meta: MetaFigures | undefined };
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** When the gateway was made: the bootstrap is open for a while from then on. */
  readonly startedMs: number;
  readonly openThrottle: OpenThrottle;
  /** By the generation that is current. */
  readonly stillAllowed: StillAllowed;
}

/** Rejects where a part cannot be made: the CA files of the upstream and of the meta nodes; nothing of it is left then. */
export async function createGeneration(config: Config, lasting: Lasting): Promise<Generation> {
  const { meters } = lasting;
  // What may throw comes before what has timers: nobody would end them.
  const ca = config.upstream.ca === '' ? undefined : readCa(config.upstream.ca);
  const metaUsers = usesMetaNodes(config) ? await openMetaUsers(config, lasting) : undefined;
  const passwords = createPasswords({ cost: config.auth.bcryptCost, hashing: lasting.hashing });
  const proxy = openProxy(config, lasting, ca);
  const audit = openAudit(config, lasting);
  const users = metaUsers ?? openLocalUsers(config, passwords, lasting, audit);
  const told = { advice: users.advice, audit };
  const { authenticate, authenticateAgain } = openAuthenticate(config, users, passwords, lasting);
  const judges = { ...openJudges(config, users), authenticate };
  const service = openService(config, lasting, told, {
    ...judges,
    route: (target) =>
      isUsersApi(target) ? users.api : isNowhere(target) ? answerNotFound : proxy.forward,
  });
  const running = createRunning();
  const stop = (): Promise<void> => {
    audit?.stop();
    users.close();
    proxy.stop();
    const { ended } = lasting;
    if (users.meta !== undefined) {
      ended.meta = sumMeta(ended.meta, [users.meta.figures()]);
    }
    return Promise.resolve();
  };
  return {
    ...service,
    onBegin: () => {
      running.begin();
      meters.requestsInProgress++;
    },
    onEnd: (exchange, status, bytes, bytesIn) => {
      running.end();
      meters.requestsInProgress--;
      service.onEnd(exchange, status, bytes, bytesIn);
    },
    stillAllowed: createStillAllowed({
      judges: { ...judges, authenticate: authenticateAgain },
      observe: config.auth.observe,
      onFailure: tellFailure(lasting.log),
    }),
    retire: async () => {
      await running.allEnded();
      await stop();
    },
    stop,
    figures: () => ({
      lanes: proxy.load(),
      passwords: lasting.hashing.load(),
      meta: users.meta?.figures(),
    }),
    looks: openLooks(config, users, lasting, ca),
    config,
  };
}

/** A room of its own, and a fifth of what a start takes: it is loaded only where there are meta nodes. */
async function openMetaUsers(config: Config, lasting: Lasting): Promise<UserSource> {
  const metaUsers = await import('./meta-users.ts');
  return metaUsers.openMetaUsers(config, lasting);
}

function openAudit({ audit, auth }: Config, { auditFile, now }: Lasting): Audit | undefined {
  if (auditFile === undefined) return undefined;
  const { reads } = audit;
  const { observe } = auth;
  return createAudit({ file: auditFile, reads, observe, decide: decidingOf, now });
}

const answerNotFound: Handler = () => Promise.resolve(errorAnswer(404, 'Not Found', 'pretty'));

function openJudges(config: Config, users: UserSource): Omit<Judges, 'authenticate'> {
  return {
    admit: createAdmission({
      isOpen: gateIsOpen(config),
      pingAuthEnabled: config.http.pingAuthEnabled,
      isBootstrap: users.isBootstrap,
    }),
    crossSite: createCrossSite(config.http),
  };
}

function openProxy(
  { upstream, auth, limits }: Config,
  { now, meters, stillAllowed }: Lasting,
  ca: string | undefined,
): Proxy {
  return createProxy({
    ...upstream,
    origin: upstream.url,
    ca,
    clientIdleMs: limits.bodyIdleTimeoutMs,
    anyStreams: auth.observe,
    stillAllowed,
    now,
    onHead: (lane, tookMs) => {
      meters.noteUpstream(lane, tookMs);
    },
  });
}

/** Checked here: with a file that holds no certificate, no request would reach Kapacitor. @throws as readCertificates */
function readCa(path: string): string {
  return readCertificates({ label: '[upstream] ca', path }).pem;
}

interface Authenticating {
  readonly authenticate: Authenticate;
  /**
   * For those who proved who they are a while ago: nobody guesses here, and who changes a password is not to be stopped
   * for what still tries the old one.
   */
  readonly authenticateAgain: Authenticate;
}

function openAuthenticate(
  { http, auth, limits }: Config,
  { directory }: UserSource,
  passwords: Passwords,
  { store, log, now, meters, openThrottle }: Lasting,
): Authenticating {
  const parts = {
    directory,
    subscriptions: store.subscriptions,
    passwords,
    verified: createVerifiedPasswords({
      matchedTtlMs: auth.cacheExpirationMs,
      staleMs: directory.remote === undefined ? 0 : auth.metaStaleMs,
      now,
    }),
    tokens: createTokens(http.sharedSecret, now),
    bcryptCost: auth.bcryptCost,
    onRecall: (isHit: boolean) => {
      meters.noteRecall(isHit);
    },
    now,
    onRenewalFailure: (name: string, error: unknown) => {
      log.warn('could not renew the hash of a user', { user: name, cause: messageOf(error) });
    },
  };
  const unthrottled = createThrottle({ ...limits.loginFailures, count: 0 });
  return {
    authenticate: createAuthenticate({
      ...parts,
      throttle: openThrottle(limits.loginFailures),
    }),
    authenticateAgain: createAuthenticate({ ...parts, throttle: unthrottled }),
  };
}
