import { privilegeOf } from '../authorize/requirements.ts';
import type { Config } from '../config/config.ts';
import { messageOf } from '../kernel/errors.ts';
import type { GatewayError } from '../kernel/errors.ts';
import type { Exchange } from '../kernel/exchange.ts';
import type { Log } from '../kernel/log.ts';
import { createClientAddress } from '../listener/client-address.ts';
import { createCors } from '../listener/cors.ts';
import { createRequestPath } from '../listener/request-path.ts';
import type { Stages } from '../listener/request-path.ts';
import type { Service } from '../listener/server.ts';
import { createAccessLog } from '../observe/access-log.ts';
import type { Audit } from '../observe/audit.ts';
import { createBareWrites } from '../observe/bare-writes.ts';
import { isFailedLogin, noteFailedLogin } from '../observe/failed-login.ts';
import { createRefusalHints } from '../observe/hints.ts';
import type { Lasting } from './generation.ts';

interface Told {
  /** The operator's next step where nobody can log in yet. */
  readonly advice: () => string | undefined;
  readonly audit: Audit | undefined;
}

/** A failure that is not the client's, in the log. */
export function tellFailure(log: Log): (error: GatewayError, exchange: Exchange) => void {
  return (error, exchange) => {
    log.at(error.level, error.message, {
      code: error.code,
      'request-id': exchange.requestId,
      cause: error.cause === undefined ? undefined : messageOf(error.cause),
    });
  };
}

/** The request path, and what is told of each request. */
export function openService(
  { http, auth }: Config,
  { log, now, meters }: Lasting,
  { advice, audit }: Told,
  stages: Stages,
): Omit<Service, 'onBegin'> {
  const hints = createRefusalHints(log, advice, now);
  const bareWrites = createBareWrites(log, now);
  const accessLog = http.logEnabled ? createAccessLog(log) : undefined;
  return {
    clientAddress: createClientAddress(http.trustedProxies),
    requestPath: createRequestPath({
      stages,
      challenge: http.challenge,
      cors: createCors(http.allowedOrigins),
      observe: auth.observe,
      onFailure: tellFailure(log),
    }),
    onEnd: (exchange, status, bytes, bytesIn) => {
      const { target } = exchange;
      meters.note(exchange, status, target === undefined ? undefined : privilegeOf(target.method));
      meters.sentBytes += bytes;
      meters.receivedBytes += bytesIn;
      accessLog?.note(exchange, status, bytes, now());
      audit?.note(exchange, status);
      if (isFailedLogin(exchange)) noteFailedLogin(log, exchange);
      bareWrites.note(exchange);
      if (status === 401) hints.noteUnauthorized();
    },
    onUnread: (clientAddress, status, reason) => {
      meters.noteUnread(status);
      accessLog?.noteUnread(clientAddress, status, reason);
      audit?.noteUnread(clientAddress, status, reason);
    },
    onNoTls: (clientAddress, reason) => {
      meters.failedHandshakes++;
      log.info('no TLS with a client', { host: clientAddress, reason });
    },
  };
}
