import type { Exchange } from '../kernel/exchange.ts';
import type { Log } from '../kernel/log.ts';

/**
 * True where somebody claimed a name, did not prove it, and was refused. Not in a rehearsal: nobody may be banned for what
 * still passes. Nor of subscriptions: nobody guesses their secrets, and an InfluxDB that still has an old one is not to
 * be banned with all that comes from its address.
 */
export function isFailedLogin(exchange: Exchange): boolean {
  const { judgement, wouldBe, claimed, presented } = exchange;
  const isRefused = judgement === 'unauthorized' && wouldBe === undefined;
  return isRefused && claimed !== '' && presented !== 'subscription';
}

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
