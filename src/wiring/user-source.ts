import type { Directory } from '../authenticate/directory.ts';
import type { Handler } from '../kernel/exchange.ts';
import type { FirstAdmin } from '../users/first-admin.ts';

/** Where users come from, what the users API does with them, and how the first admin is made. */
export interface UserSource extends FirstAdmin {
  readonly directory: Directory;
  readonly api: Handler;
  /** Ends its connections; the store is not its own. */
  close(): void;
}
