import { goQuote } from './go-text.ts';

/** What a method asks of a resource. HEAD and OPTIONS ask nothing (Kapacitor, services/httpd/handler.go). */
export type Privilege = 'read' | 'write' | 'delete';

/** Every privilege, in the order in which they are printed. */
export const PRIVILEGES: readonly Privilege[] = ['read', 'write', 'delete'];

/** Kapacitor's words for a missing privilege on an endpoint; `path` is the decoded path of the request. */
export function missingPrivilege(user: string, privilege: Privilege, path: string): string {
  return `user ${user} does not have "${privilege}" privilege for API endpoint ${goQuote(path)}`;
}

/** The like for a database: Kapacitor answers 401 in plain text there, see docs/differences.md. */
export function missingDatabasePrivilege(user: string, database: string): string {
  return `user ${user} does not have "write" privilege for database ${goQuote(database)}`;
}
