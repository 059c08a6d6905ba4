import type { Exchange } from '../kernel/exchange.ts';
import type { Log } from '../kernel/log.ts';
import { isWrite } from '../kernel/routes.ts';
import { Pace } from './pace.ts';

/** Counts the writes that came without any credentials, and tells of them: InfluxDB itself hardly does. */
export interface BareWrites {
  /** Looks at a request that is over. */
  note(exchange: Exchange): void;
}

/** The first is told at once, those of the next minute together: InfluxDB sends thousands. */
export function createBareWrites(log: Log, now: () => number): BareWrites {
  let count = 0;
  const pace = new Pace(now);
  return {
    note: (exchange) => {
      if (!isBareWrite(exchange)) return;
      const { clientAddress, request } = exchange;
      count++;
      if (!pace.isDue()) return;
      pace.told();
      log.warn(
        'points are written without credentials. Where it is InfluxDB, its subscriptions have no secret yet: kapgate subscriptions add NAME',
        { writes: count, host: clientAddress, 'user-agent': request.headers['user-agent'] ?? '' },
      );
      count = 0;
    },
  };
}

/** True for a write that was refused because nobody said who sent it. */
export function isBareWrite({
  target,
  judgement,
  presented,
}: Pick<Exchange, 'target' | 'judgement' | 'presented'>): boolean {
  const isBare = judgement === 'unauthorized' && presented === 'none';
  return isBare && target !== undefined && isWrite(target);
}
