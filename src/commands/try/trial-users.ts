import { randomBytes } from 'node:crypto';
import type { Config } from '../../config/config.ts';

/** Who may come in, in a trial. */
export interface TrialUsers {
  /** What the gateway is told of them, as variables. */
  readonly env: Readonly<Record<string, string>>;
  /** Makes them where the configuration says that they are kept. */
  make(config: Config): Promise<void>;
  /** The lines to paste, for a gateway at this URL. */
  lines(gate: string): string;
  stop(): Promise<void>;
}

/** Good for one trial. */
export function randomPassword(): string {
  return randomBytes(9).toString('base64url');
}
