import type { Authenticate, Authentication } from '../authenticate/authenticate.ts';
import { authorize } from '../authorize/authorize.ts';
import { requirementsOf } from '../authorize/requirements.ts';
import { readCredentials } from '../credentials/credentials.ts';
import type { Credentials } from '../credentials/credentials.ts';
import type { CertificateReading } from '../kernel/client-certificate.ts';
import { GatewayError } from '../kernel/errors.ts';
import type { Exchange, Presented } from '../kernel/exchange.ts';
import type { Identity } from '../kernel/identity.ts';
import type { Target } from '../kernel/target.ts';
import type { Admission } from './admission.ts';
import { statusFor } from './answers.ts';
import type { CrossSite } from './cross-site.ts';

/** Who says who somebody is. */
export interface Judges {
  readonly authenticate: Authenticate;
  /** Who a request is from that needs no credentials here: an open gate, a free ping, the bootstrap. */
  readonly admit: Admission;
  readonly crossSite: CrossSite;
}

/**
 * Who sent a request, where they may send it; what is found on the way is noted in the exchange.
 * Rejects with the refusal: cross-site, unauthorized, forbidden, or what `authenticate` rejects with.
 */
export async function judge(judges: Judges, target: Target, exchange: Exchange): Promise<Identity> {
  const { request } = exchange;
  const credentials = credentialsIn(target, exchange);
  exchange.judgement = 'unknown';
  exchange.presented = presentedBy(credentials);
  if ('name' in credentials) exchange.claimed = credentials.name;
  refuseCrossSite(judges, target, exchange);
  const identity =
    judges.admit(request, target, credentials) ??
    identityOf(await judges.authenticate(credentials, exchange), exchange);
  exchange.identity = identity;

  const decision = authorize(identity, requirementsOf(target));
  exchange.judgement = decision.allowed ? 'allowed' : 'forbidden';
  if (!decision.allowed) throw new GatewayError('forbidden', { message: decision.message });
  return identity;
}

/**
 * As `judge`, but everybody passes: in a rehearsal a refusal is only noted. Whoever would have been refused is nobody
 * with no rights, under the name that they proved.
 * @param onRefusal told of each refusal and failure
 */
export async function rehearse(
  judges: Judges,
  target: Target,
  exchange: Exchange,
  onRefusal: (error: GatewayError) => void,
): Promise<Identity> {
  try {
    return await judge(judges, target, exchange);
  } catch (thrown) {
    const error = failureOf(thrown, exchange);
    exchange.wouldBe = { status: statusFor(error, target), message: error.message };
    onRefusal(error);
    return {
      name: exchange.identity?.name ?? '',
      admin: false,
      grants: { api: new Map(), databases: new Map() },
      method: 'observed',
    };
  }
}

/**
 * Whether a request that was let in would be let in now: what notes of the first judgement are in the exchange stay.
 * Rejects with what `authenticate` rejects with.
 */
export async function wouldPass(
  judges: Judges,
  target: Target,
  exchange: Exchange,
): Promise<boolean> {
  const credentials = credentialsIn(target, exchange);
  const admitted = judges.admit(exchange.request, target, credentials);
  const authentication: Authentication =
    admitted === undefined
      ? await judges.authenticate(credentials, exchange)
      : { kind: 'known', identity: admitted };
  return (
    authentication.kind === 'known' &&
    authorize(authentication.identity, requirementsOf(target)).allowed
  );
}

/** Anything thrown as what the client may be told of it. */
export function failureOf(thrown: unknown, exchange: Exchange): GatewayError {
  if (!(thrown instanceof GatewayError)) return new GatewayError('internal', { cause: thrown });
  if (thrown.code === 'throttled') exchange.judgement = 'throttled';
  return thrown;
}

/** @throws GatewayError certificate-outdated */
function credentialsIn({ query, subscription }: Target, exchange: Exchange): Credentials {
  const { authorization } = exchange.request.headers;
  return readCredentials(authorization, query, subscription, certificateIn(exchange));
}

/** Before a password is compared: a page that guesses them, or only wastes time, gets neither. */
function refuseCrossSite({ crossSite }: Judges, target: Target, exchange: Exchange): void {
  const message = crossSite(exchange, target);
  if (message === undefined) return;
  exchange.judgement = 'cross-site';
  throw new GatewayError('cross-site', { message });
}

function identityOf(authentication: Authentication, exchange: Exchange): Identity {
  if (authentication.kind === 'known') return authentication.identity;
  exchange.judgement = 'unauthorized';
  exchange.claimed = authentication.claimed;
  throw new GatewayError('unauthorized', { message: authentication.message });
}

/** @throws GatewayError certificate-outdated */
function certificateIn({ certificate }: Exchange): CertificateReading | undefined {
  if (certificate?.kind !== 'outdated') return certificate;
  throw new GatewayError('certificate-outdated');
}

function presentedBy(credentials: Credentials): Presented {
  switch (credentials.kind) {
    case 'password':
      return credentials.via;
    case 'two':
      return 'subscription';
    case 'certificate-refused':
    case 'certificate-differs':
      return 'certificate';
    case 'none':
    case 'unreadable':
    case 'bearer':
    case 'subscription':
    case 'certificate':
      return credentials.kind;
  }
}
