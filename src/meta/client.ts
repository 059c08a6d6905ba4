import type { Secret } from '../kernel/secret.ts';
import type { MetaRole, MetaUser } from './documents.ts';

/**
 * Asks the meta nodes of InfluxDB Enterprise. "No such user" and "wrong password" are values;
 * all that keeps the nodes from saying so is a MetaFault, thrown within `meta-timeout`.
 */
export interface MetaClient {
  /** GET /user?name=NAME. @throws MetaFault */
  user(name: string): Promise<MetaUser | undefined>;
  /** GET /user. @throws MetaFault */
  users(): Promise<readonly MetaUser[]>;
  /** GET /role. @throws MetaFault */
  roles(): Promise<readonly MetaRole[]>;
  /** GET /authorized: whether this is the user's password. One call; 401 and 403 are final. @throws MetaFault */
  isAuthorized(name: string, password: Secret): Promise<boolean>;
  /** Closes kept connections; calls under way fail. */
  close(): void;
}
