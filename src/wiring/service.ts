import type { Config } from '../config/config.ts';
import { messageOf } from '../kernel/errors.ts';
import { createClientAddress } from '../listener/client-address.ts';
import { createRequestPath } from '../listener/request-path.ts';
import type { Stages } from '../listener/request-path.ts';
import type { Service } from '../listener/server.ts';
import { createAccessLog } from '../observe/access-log.ts';
import { createRefusalHints } from '../observe/hints.ts';
import type { Lasting } from './generation.ts';

/**
 * The request path, and what is told of each request.
 * @param advice the operator's next step where nobody can log in yet
 */
export function openService(
  { http }: Config,
  { log, now }: Lasting,
  advice: () => string | undefined,
  stages: Stages,
): Omit<Service, 'onBegin'> {
  const hints = createRefusalHints(log, advice, now);
  const accessLog = http.logEnabled ? createAccessLog(log) : undefined;
  return {
    clientAddress: createClientAddress(http.trustedProxies),
    requestPath: createRequestPath({
      stages,
      challenge: http.challenge,
      onFailure: (error, exchange) => {
        log.at(error.level, error.message, {
          code: error.code,
          'request-id': exchange.requestId,
          cause: error.cause === undefined ? undefined : messageOf(error.cause),
        });
      },
    }),
    onEnd: (exchange, status, bytes) => {
      accessLog?.(exchange, status, bytes, now());
      if (status === 401) hints.noteUnauthorized();
    },
  };
}
