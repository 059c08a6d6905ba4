import { GatewayError } from '../kernel/errors.ts';
import type { Exchange } from '../kernel/exchange.ts';

interface BodyLimits {
  readonly maxBytes: number;
  /** How long the whole body may take; 0: for ever. It is small, so this is the idle limit of other bodies. */
  readonly timeoutMs: number;
}

/**
 * The whole body of a request that the gateway answers itself.
 * @throws GatewayError body-too-large, slow-client, client-gone
 */
export function readBody(exchange: Exchange, limits: BodyLimits): Promise<Buffer> {
  const { request, response } = exchange;
  if (Number(request.body.length) > limits.maxBytes) return Promise.reject(tooLarge(limits));
  response.sendContinue();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (error?: GatewayError): void => {
      clearTimeout(timer);
      request.body.leave();
      if (error === undefined) resolve(Buffer.concat(chunks));
      else reject(error);
    };
    const timer =
      limits.timeoutMs === 0
        ? undefined
        : setTimeout(() => settle(new GatewayError('slow-client')), limits.timeoutMs);
    request.body.take({
      onData: (chunk) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > limits.maxBytes) settle(tooLarge(limits));
      },
      onEnd: () => settle(),
      onBroken: () => settle(new GatewayError('client-gone')),
    });
  });
}

function tooLarge({ maxBytes }: BodyLimits): GatewayError {
  return new GatewayError('body-too-large', {
    message: `the request body is larger than ${maxBytes} bytes`,
  });
}
