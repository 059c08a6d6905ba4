/** What a method asks of a resource. HEAD and OPTIONS ask nothing (Kapacitor, services/httpd/handler.go). */
export type Privilege = 'read' | 'write' | 'delete';

/** Every privilege, in the order in which they are printed. */
export const PRIVILEGES: readonly Privilege[] = ['read', 'write', 'delete'];
