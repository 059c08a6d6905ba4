import type { Directory } from '../authenticate/directory.ts';
import type { Handler } from '../kernel/exchange.ts';
import type { MetaFigures } from '../observe/figures.ts';
import type { FirstAdmin } from '../users/first-admin.ts';

/** How the meta nodes are. */
interface MetaWatch {
  figures(): MetaFigures;
  /** Asks them. @throws where none can say */
  probe(): Promise<void>;
}

/** Where users come from, what the users API does with them, and how the first admin is made. */
export interface UserSource extends FirstAdmin {
  readonly directory: Directory;
  readonly api: Handler;
  /** Undefined where users are local. */
  readonly meta?: MetaWatch;
  /** Ends its connections; the store is not its own. */
  close(): void;
}
