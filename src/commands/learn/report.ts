import { escapeControls } from '../../kernel/json-line.ts';
import type { Check, Refusal } from './check.ts';
import type { Client, Use } from './clients.ts';
import type { Proposal } from './proposals.ts';
import { commandFor } from './shell.ts';

/** All that was learned. */
export interface Lesson {
  readonly counts: Counts;
  readonly clients: readonly Client[];
  readonly proposals: readonly Proposal[];
  /** With --check. */
  readonly check: Check | undefined;
}

/** Of lines and requests. */
export interface Counts {
  lines: number;
  requests: number;
  /** Requests that could not be read in one way only: 400 to everybody. */
  unreadable: number;
  /** Lines that are none of an audit log. */
  foreign: number;
  /** Lines that are missing, because a disk was full. */
  dropped: number;
  /** Requests of more senders, or of more kinds, than are kept apart. */
  uncounted: number;
}

/** The report for people. What comes from the log is escaped: strangers wrote it. */
export function renderLesson(lesson: Lesson): string {
  const { counts, clients, proposals, check } = lesson;
  return [
    countsText(counts, clients),
    `WHO CAME\n\n${clients.map(clientText).join('\n')}`,
    `WHAT THEY NEED\n\n${proposals.map(proposalText).join('\n')}`,
    ...(check === undefined ? [] : [`WHAT TODAY'S USERS WOULD REFUSE\n\n${checkText(check)}`]),
  ].join('\n');
}

/** The report for programs. */
export function lessonJson({ counts, clients, proposals, check }: Lesson): string {
  const json = {
    ...counts,
    clients: clients.map(({ uses, address, name, auth, userAgent, isProven, ...rest }) => ({
      ...{ address, name, proven: isProven, auth, 'user-agent': userAgent },
      ...{ requests: rest.requests, refused: rest.refused, from: rest.from, until: rest.until },
      uses: [...uses.values()],
    })),
    proposals: proposals.map((proposal) => ({
      ...proposal,
      clients: proposal.clients.map(({ address, name, userAgent }) => ({
        ...{ address, name, 'user-agent': userAgent },
      })),
      command: commandFor(proposal) ?? null,
    })),
    ...(check === undefined ? {} : { refusals: check.refusals }),
  };
  const lines = JSON.stringify(json, undefined, 2).split('\n');
  return `${lines.map(escapeControls).join('\n')}\n`;
}

function countsText(counts: Counts, clients: readonly Client[]): string {
  const { lines, requests, unreadable, foreign, dropped, uncounted } = counts;
  const times = clients.flatMap(({ from, until }) => [from, until]).sort();
  const span = times.length === 0 ? '' : `, ${times[0] ?? ''} to ${times.at(-1) ?? ''}`;
  const notes = [
    [unreadable, 'requests could not be read in one way only: they get 400 from everybody'],
    [foreign, 'lines are none of an audit log'],
    [dropped, 'lines are missing: the disk was full'],
    [uncounted, 'requests are only counted: there were more senders than can be kept apart'],
  ] as const;
  return [
    `${number(requests)} requests in ${number(lines)} lines${span}\n`,
    ...notes.filter(([count]) => count > 0).map(([count, note]) => `${number(count)} ${note}\n`),
  ].join('');
}

function clientText(client: Client): string {
  const head = `${clientName(client)}  ${client.requests === 1 ? '1 request' : `${number(client.requests)} requests`}`;
  const uses = [...client.uses.values()].sort((a, b) => b.count - a.count);
  return `${head}\n${uses.map(useText).join('')}`;
}

function clientName({ address, name, auth, userAgent, isProven }: Client): string {
  const who = name === '' ? 'nobody' : isProven ? name : `${name}, who did not prove it`;
  return shown(`${address}  ${who} (${auth})  ${userAgent === '' ? '-' : userAgent}`);
}

function useText({ privilege, part, database, count, leftOut }: Use): string {
  const where = database === '' ? '' : `, database ${database}`;
  const note = leftOut === '' ? '' : `  (${leftOut})`;
  return (
    shown(`${number(count).padStart(12)}  ${privilege.padEnd(6)}  ${part}${where}${note}`) + '\n'
  );
}

function proposalText(proposal: Proposal): string {
  const { name, isThere, permissions, forAdmins, notCovered, clients } = proposal;
  const from = [...new Set(clients.map(({ address }) => address))];
  const more = from.length > 3 ? ` and ${from.length - 3} more` : '';
  const command = commandFor(proposal);
  const done = isThere
    ? `a user who may do all of it; the least that does: ${permissions.join(' ') || 'nothing'}`
    : 'its name, or a name in it, cannot be typed safely: make it by hand';
  const lines = [
    ...forAdmins.map((need) => `only admins may: ${need.replace('an admin, for ', '')}`),
    ...notCovered.map((need) => `no permission grants: ${need}`),
    command ?? done,
  ];
  return (
    `${shown(`${name}, from ${from.slice(0, 3).join(', ')}${more}`)}\n` +
    lines.map((line) => `    ${shown(line)}\n`).join('')
  );
}

function checkText({ refusals, uncounted }: Check): string {
  if (refusals.length === 0) return 'nothing (passwords were not looked at)\n';
  const more = uncounted === 0 ? '' : `${number(uncounted)} more requests\n`;
  return refusals.map(refusalText).join('') + more;
}

function refusalText({ status, address, name, userAgent, what, why, count }: Refusal): string {
  const who = `${address}  ${name === '' ? 'nobody' : name}  ${userAgent === '' ? '-' : userAgent}`;
  return shown(`${number(count).padStart(12)}  ${status}  ${who}  ${what}: ${why}`) + '\n';
}

function shown(text: string): string {
  return escapeControls(text);
}

function number(count: number): string {
  return count.toLocaleString('en-US');
}
