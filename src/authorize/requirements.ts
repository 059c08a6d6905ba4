import { joinClean } from '../kernel/path.ts';
import type { Privilege } from '../kernel/privilege.ts';
import { firstValue } from '../kernel/query.ts';
import { BASE, PREVIEW, isLogStream, isWrite } from '../kernel/routes.ts';
import type { Method, Target } from '../kernel/target.ts';

/** What a request needs; it needs all that are listed. */
export type Requirement =
  | {
      readonly kind: 'endpoint';
      readonly privilege: Privilege;
      /** `/api/…`: what grants are looked up by. */
      readonly resource: string;
      /** The path that a refusal names. */
      readonly endpoint: string;
    }
  | {
      readonly kind: 'admin';
      readonly privilege: Privilege;
      readonly resource: string;
      readonly endpoint: string;
      /** Whose own record this is a change of: they may do it themselves, over Basic. */
      readonly ownRecordOf: string | undefined;
    }
  | { readonly kind: 'database'; readonly database: string };

const USERS = '/api/users';

/**
 * Everything that Kapacitor's own authorization asks of a request, and what the gateway asks beyond it.
 * A method that only looks at the surface (HEAD, OPTIONS) asks nothing.
 * Source: kapacitor services/httpd/handler.go authorizeRequest, rewritePreview, serveWrite.
 */
export function requirementsOf(target: Target): readonly Requirement[] {
  const privilege = privilegeOf(target.method);
  if (privilege === undefined) return [];
  const requirements: Requirement[] = endpointsOf(target).map((endpoint) =>
    requirementFor(target.method, privilege, endpoint),
  );
  const database = firstValue(target.query, 'db');
  if (isWrite(target) && database !== '') requirements.push({ kind: 'database', database });
  return requirements;
}

/** A requirement in words: `delete on /api/tasks/cpu`. */
export function needOf(requirement: Requirement): string {
  switch (requirement.kind) {
    case 'endpoint':
      return `${requirement.privilege} on ${requirement.resource}`;
    case 'admin':
      return `an admin, for ${requirement.privilege} on ${requirement.resource}`;
    case 'database':
      return `write on database "${requirement.database}"`;
  }
}

/** The resource of a path: `/api` and the path without `/kapacitor/v1`, joined as Go's path.Join does. */
export function resourceOf(path: string): string {
  const rest = path.startsWith(BASE) ? path.slice(BASE.length) : path;
  return joinClean(rest.startsWith('/') ? `/api${rest}` : `/api/${rest}`);
}

/** What a method asks for; undefined: nothing (kapacitor services/httpd/handler.go requiredPrivilegeForHTTPMethod). */
export function privilegeOf(method: Method): Privilege | undefined {
  switch (method) {
    case 'HEAD':
    case 'OPTIONS':
      return undefined;
    case 'GET':
      return 'read';
    case 'POST':
    case 'PUT':
    case 'PATCH':
      return 'write';
    case 'DELETE':
      return 'delete';
  }
}

/**
 * The paths that Kapacitor authorizes one after the other: a preview path is judged as such, rewritten, and judged
 * again. The log stream is a route of its own that only exists there.
 */
function endpointsOf(target: Target): readonly string[] {
  const { path } = target;
  if (!path.startsWith(PREVIEW) || isLogStream(target)) return [path];
  return [path, `${BASE}/${path.slice(PREVIEW.length)}`];
}

function requirementFor(method: Method, privilege: Privilege, endpoint: string): Requirement {
  const resource = resourceOf(endpoint);
  if (!isForAdmins(method, resource)) return { kind: 'endpoint', privilege, resource, endpoint };
  const ownRecordOf =
    method === 'PATCH' && endpoint.startsWith(`${BASE}/users/`)
      ? endpoint.slice(`${BASE}/users/`.length)
      : undefined;
  return { kind: 'admin', privilege, resource, endpoint, ownRecordOf };
}

/**
 * What the `api` permission reaches in Kapacitor, and must not: users (whoever writes them is admin), the backup
 * (it holds every secret of the config), rebuilding stores, reloading side-loaded data, the log level.
 */
function isForAdmins(method: Method, resource: string): boolean {
  return (
    isUnder(resource, USERS) ||
    isUnder(resource, '/api/storage/backup') ||
    (isUnder(resource, '/api/storage') && method !== 'GET') ||
    isUnder(resource, '/api/sideload') ||
    isUnder(resource, '/api/loglevel')
  );
}

function isUnder(resource: string, root: string): boolean {
  return resource === root || resource.startsWith(`${root}/`);
}
