import type { Exchange } from '../kernel/exchange.ts';
import type { Log } from '../kernel/log.ts';

/**
 * A line of its own for what fail2ban looks for (systemd/fail2ban/), whatever becomes of the access log. The address
 * stands before all that the client chose.
 */
export function noteFailedLogin(log: Log, exchange: Exchange): void {
  log.warn('login failed', {
    host: exchange.clientAddress,
    username: exchange.claimed,
    'request-id': exchange.requestId,
    reason: exchange.reason,
  });
}
