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

/** Who says who somebody is. */
export interface Judges {
  readonly authenticate: Authenticate;
  /** Who a request is from that needs no credentials here: an open gate, a free ping, the bootstrap. */
  readonly admit: Admission;
}

/**
 * Who sent a request, where they may send it; what is found on the way is noted in the exchange.
 * Rejects with the refusal: unauthorized, forbidden, or what `authenticate` rejects with.
 */
export async function judge(judges: Judges, target: Target, exchange: Exchange): Promise<Identity> {
  const { request } = exchange;
  const { authorization } = request.headers;
  const { query, subscription } = target;
  const credentials = readCredentials(authorization, query, subscription, certificateIn(exchange));
  exchange.judgement = 'unknown';
  exchange.presented = presentedBy(credentials);
  if ('name' in credentials) exchange.claimed = credentials.name;
  const identity =
    judges.admit(request, target, credentials) ??
    identityOf(await judges.authenticate(credentials, exchange.clientAddress), exchange);
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

/** Anything thrown as what the client may be told of it. */
export function failureOf(thrown: unknown, exchange: Exchange): GatewayError {
  if (!(thrown instanceof GatewayError)) return new GatewayError('internal', { cause: thrown });
  if (thrown.code === 'throttled') exchange.judgement = 'throttled';
  return thrown;
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
