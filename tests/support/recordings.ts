import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A row of tests/recordings/local-decisions.jsonl. */
export interface DecisionRow {
  readonly user: string | null;
  readonly type?: 'normal' | 'admin';
  readonly permissions?: readonly string[];
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly location: string | null;
  readonly body?: string;
}

/** A row of tests/recordings/meta-decisions.jsonl. */
export interface MetaDecisionRow {
  readonly user: string;
  /** Scope → names, of the user alone. */
  readonly permissions: Readonly<Record<string, readonly string[]>> | null;
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly location: string | null;
  readonly body?: string | undefined;
}

/** A row of tests/recordings/credentials.jsonl. */
export interface CredentialsRow {
  readonly case: string;
  readonly sends: string;
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly location: string | null;
  readonly body?: string;
}

export function readDecisions(): readonly DecisionRow[] {
  return readRows('local-decisions.jsonl') as readonly DecisionRow[];
}

export function readMetaDecisions(): readonly MetaDecisionRow[] {
  return readRows('meta-decisions.jsonl') as readonly MetaDecisionRow[];
}

export function readCredentialRows(): readonly CredentialsRow[] {
  return readRows('credentials.jsonl') as readonly CredentialsRow[];
}

/** The body that the recording sent with a request: points with a write, else none. */
export function recordedBody(method: string, target: string): string {
  return method === 'POST' && /\/(?:w|%77)rite(?:$|\?)/.test(target) ? 'm v=1 1\n' : '';
}

/** A request of a recording, on a connection of its own. */
export function recordedRequest(
  row: { readonly method: string; readonly target: string },
  headers: readonly string[],
): string {
  const body = recordedBody(row.method, row.target);
  const length = /^(?:POST|PUT|PATCH)$/.test(row.method) ? [`Content-Length: ${body.length}`] : [];
  const lines = ['Host: kapacitor', ...headers, ...length, 'Connection: close'];
  return `${row.method} ${row.target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}

function readRows(name: string): readonly unknown[] {
  const file = fileURLToPath(new URL(`../recordings/${name}`, import.meta.url));
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line): unknown => JSON.parse(line));
}
