import type { Database } from './database.ts';
import { UserStoreError } from './fault.ts';

/** A database whose faults are those of the store, and whose generation is asked for once a turn of the event loop. */
export class GuardedDatabase {
  readonly #database: Database;
  readonly #path: string;
  #isFresh = false;

  /** @param path what faults name */
  constructor(database: Database, path: string) {
    this.#database = database;
    this.#path = path;
  }

  /** Makes the reads that follow see the store as of now. @throws UserStoreError */
  generation(): number {
    // As `read`, without a function for each request.
    try {
      return this.#database.generation();
    } catch (thrown) {
      throw this.faultOf('read', thrown);
    }
  }

  /**
   * Tells the generation to the first request of a turn of the event loop, and after each write of ours; again, where
   * `refresh` throws. What another process writes in the middle of a turn is seen by the next one. (A tenth of the
   * requests per CPU-second: `npm run bench`.) @throws UserStoreError
   */
  refreshForTurn(refresh: (generation: number) => void): void {
    if (this.#isFresh) return;
    refresh(this.generation());
    this.#isFresh = true;
    setImmediate(this.#endTurn);
  }

  /** @param doing as in UserStoreError @throws UserStoreError */
  read<T>(doing: string, read: () => T): T {
    try {
      return read();
    } catch (thrown) {
      throw this.faultOf(doing, thrown);
    }
  }

  /** Runs the change in a transaction, and resolves once it is durable. Rejects with a UserStoreError. */
  async write<T>(change: () => T): Promise<T> {
    try {
      return await this.#database.write(change);
    } catch (thrown) {
      throw this.faultOf('write', thrown);
    } finally {
      this.#isFresh = false;
    }
  }

  faultOf(doing: string, thrown: unknown): UserStoreError {
    return thrown instanceof UserStoreError
      ? thrown
      : new UserStoreError(doing, this.#path, thrown);
  }

  readonly #endTurn = (): void => {
    this.#isFresh = false;
  };
}
