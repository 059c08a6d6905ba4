import { authorize, judge } from '../../authorize/authorize.ts';
import type { Verdict } from '../../authorize/authorize.ts';
import { needOf, requirementsOf } from '../../authorize/requirements.ts';
import type { Requirement } from '../../authorize/requirements.ts';
import type { Grant } from '../../kernel/grants.ts';
import type { Identity } from '../../kernel/identity.ts';
import { parentOf } from '../../kernel/path.ts';
import { PRIVILEGES } from '../../kernel/privilege.ts';
import { isUsersApi } from '../../kernel/routes.ts';
import { readTarget } from '../../kernel/target.ts';
import { isNowhere, shownPath } from '../../kernel/subscription-path.ts';
import type { Target, TargetReading } from '../../kernel/target.ts';
import { askedOf } from '../../users/asked.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../terminal.ts';
import { verdictCell } from '../verdict.ts';
import { whoIs } from './who.ts';
import type { Step, Who } from './who.ts';

export interface ExplainOptions {
  readonly user: string;
  readonly json?: boolean | undefined;
}

/** Walks one request through the server's own code and prints each step. @returns 0 allowed, 2 denied */
export async function explain(
  context: Context,
  method: string,
  rawTarget: string,
  options: ExplainOptions,
): Promise<number> {
  const reading = readTarget(method, rawTarget);
  const steps: Step[] = [
    { what: 'request', detail: `${method} ${shownTarget(reading, rawTarget)}` },
  ];
  if (reading.kind !== 'target') return tell(context, options, steps, outcomeOf(reading));
  steps.push(...targetSteps(reading.target));
  if (method === 'OPTIONS') {
    const detail = 'the gateway answers every OPTIONS itself: 200, no credentials needed';
    return tell(context, options, steps, { isAllowed: true, detail });
  }

  const who = await whoIs(context, options.user);
  const { identity } = who;
  steps.push(...who.steps);
  if (reading.target.subscription !== undefined && identity.method !== 'subscription') {
    const detail = '401: the path is the credential of a subscription, and suffers no other';
    return tell(context, options, steps, { isAllowed: false, detail });
  }
  const requirements = requirementsOf(reading.target);
  if (requirements.length === 0) {
    steps.push({ what: 'needs', detail: `nothing: ${method} asks for no privilege` });
  }
  for (const requirement of requirements) steps.push(...requirementSteps(identity, requirement));
  const decision = authorize(identity, requirements);
  return tell(
    context,
    options,
    steps,
    decision.allowed
      ? allowedOutcome(who, reading.target)
      : { isAllowed: false, detail: decision.message },
  );
}

/** What may be a secret in the path is not printed. */
function shownTarget(reading: TargetReading, rawTarget: string): string {
  const isSecret = reading.kind === 'target' && reading.target.subscription !== undefined;
  return isSecret ? shownPath(reading.target) : rawTarget;
}

const WIDTH = 10;

interface Outcome {
  readonly isAllowed: boolean;
  readonly detail: string;
}

function tell(
  { terminal }: Context,
  options: ExplainOptions,
  steps: Step[],
  outcome: Outcome,
): number {
  const verdict = outcome.isAllowed ? 'allowed' : 'denied';
  const all = [...steps, { what: verdict, detail: outcome.detail }];
  const lines = steps.map(({ what, detail }) => `${what.padEnd(WIDTH)} ${detail}\n`).join('');
  terminal.out(
    options.json === true
      ? `${JSON.stringify({ allowed: outcome.isAllowed, steps: all }, undefined, 2)}\n`
      : `${lines}${verdictCell(terminal.paint, verdict, WIDTH)} ${outcome.detail}\n`,
  );
  return outcome.isAllowed ? EXIT.ok : EXIT.denied;
}

function outcomeOf(reading: Exclude<ReturnType<typeof readTarget>, { kind: 'target' }>): Outcome {
  switch (reading.kind) {
    case 'refused':
      return { isAllowed: false, detail: `400 to everybody: ${reading.why}` };
    case 'redirect':
      return { isAllowed: false, detail: `301 to everybody, to ${reading.location}` };
    case 'unknown-method':
      return { isAllowed: false, detail: '404 to everybody: Kapacitor has no such method' };
  }
}

function targetSteps(target: Target): Step[] {
  return [
    { what: 'path', detail: `${target.path} (decoded once, clean: as Kapacitor reads it)` },
    {
      what: 'sent',
      detail: isUsersApi(target)
        ? 'nothing: the users API is the gateway’s own'
        : isNowhere(target)
          ? 'nothing: all below /sub is the gateway’s own'
          : target.sent,
    },
  ];
}

function requirementSteps(identity: Identity, requirement: Requirement): Step[] {
  const verdict = judge(identity, requirement);
  return [
    { what: 'needs', detail: needOf(requirement) },
    ...(identity.admin ? [] : lookUps(identity, requirement)),
    { what: 'decided', detail: verdictText(verdict) },
  ];
}

function lookUps(identity: Identity, requirement: Requirement): Step[] {
  switch (requirement.kind) {
    case 'admin':
      return [];
    case 'endpoint':
      return lookUpsIn(identity.grants.api, upwardsFrom(requirement.resource));
    case 'database':
      return lookUpsIn(identity.grants.databases, [requirement.database, '']);
  }
}

/** A resource and all above it, in the order in which the server looks for a grant. */
function upwardsFrom(resource: string): readonly string[] {
  return resource === '/' ? ['/'] : [resource, ...upwardsFrom(parentOf(resource))];
}

/** Each resource that was looked at, down to the one that decides. */
function lookUpsIn(grants: ReadonlyMap<string, Grant>, resources: readonly string[]): Step[] {
  const steps: Step[] = [];
  for (const resource of resources) {
    const grant = grants.get(resource);
    const label = resource === '' ? 'every database' : resource;
    steps.push({ what: 'looked at', detail: `${label}: ${grantText(grant)}` });
    if (grant !== undefined) break;
  }
  return steps;
}

function grantText(grant: Grant | undefined): string {
  if (grant === undefined) return 'no grant';
  const privileges = PRIVILEGES.filter((each) => grant.privileges.has(each));
  return `${privileges.length === 0 ? 'none' : privileges.join(', ')} (by ${grant.permission})`;
}

function verdictText(verdict: Verdict): string {
  switch (verdict.because) {
    case 'admin':
      return 'yes: an admin may do all';
    case 'own-record':
      return 'yes: users may change their own password, over Basic';
    case 'not-admin':
      return 'no: this is for admins only';
    case 'no-grant':
      return 'no: nothing grants it';
    case 'grant':
      return `${verdict.allowed ? 'yes' : 'no'}: the nearest grant decides, ${verdict.grant.permission} on ${verdict.resource === '' ? 'every database' : verdict.resource}`;
  }
}

function allowedOutcome({ identity, keptAt }: Who, target: Target): Outcome {
  if (isNowhere(target)) return { isAllowed: false, detail: '404: nothing is there' };
  if (!isUsersApi(target)) return { isAllowed: true, detail: 'it goes to Kapacitor' };
  if (keptAt !== undefined && isChange(identity, target)) {
    return { isAllowed: false, detail: `405: ${keptAt}` };
  }
  return { isAllowed: true, detail: 'the gateway answers it' };
}

function isChange(identity: Identity, target: Target): boolean {
  const { kind } = askedOf(identity, target);
  return kind !== 'list' && kind !== 'show' && kind !== 'refused';
}
