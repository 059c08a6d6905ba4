import { escapeControls } from '../../kernel/json-line.ts';
import { lineOf } from './conf-lines.ts';
import type { Change } from './conf-lines.ts';

/** What kapgate init has to say. */
export interface Report {
  readonly source: string;
  readonly output: string;
  readonly holdsSecret: boolean;
  /** It was there, for the service to read and for nobody else to. */
  readonly keepsMode: boolean;
  /** The users are those of meta nodes: the first admin is named, not made. */
  readonly usesMeta: boolean;
  readonly changes: readonly Change[];
  /** The changes as a unified diff, where one can be made. */
  readonly diff: string | undefined;
  readonly warnings: readonly string[];
}

/** The report for people: what was written, what to change, what the gateway won't see, and what comes next. */
export function renderReport(report: Report): string {
  const { source, output, changes, warnings } = report;
  const secret =
    report.holdsSecret && !report.keepsMode
      ? `It holds secrets: only you can read it (0600). For the service: chown root:kapgate ${output}, ` +
        'chmod 0640; or move each secret into a file of its own and name it by KEY-file.\n'
      : '';
  return [
    `${output} is written.\n${secret}`,
    `Change in ${source}${report.diff === undefined ? '' : ' (patch takes this as it is)'}:\n\n` +
      (report.diff ?? changes.map(inWords).join('')),
    `Why:\n\n${reasons(changes)}`,
    `What the gateway does not see or know:\n\n${warnings.map((each) => `  - ${escapeControls(each)}.\n`).join('')}`,
    `Then:\n\n${steps(report)}`,
  ].join('\n');
}

/** The report for programs. */
export function reportJson(report: Report): string {
  return `${JSON.stringify({ ...report, diff: report.diff ?? null }, undefined, 2)}\n`;
}

function inWords(change: Change): string {
  const { section, index, from, to } = change;
  const place = section === 'influxdb' ? `[[influxdb]] number ${index + 1}` : `[${section}]`;
  return from === undefined
    ? `  ${place}: add    ${lineOf(change, to)}\n`
    : `  ${place}: change ${lineOf(change, from)}\n  ${' '.repeat(place.length)}  to     ${lineOf(change, to)}\n`;
}

function reasons(changes: readonly Change[]): string {
  const whys = [...new Set(changes.map(({ why }) => why))];
  return whys
    .map((why) => {
      const keys = changes.filter((each) => each.why === why).map(({ key }) => key);
      return `  - ${[...new Set(keys)].join(', ')}: ${why}.\n`;
    })
    .join('');
}

function steps({ output, usesMeta }: Report): string {
  const kapgate = `kapgate --config ${output}`;
  return [
    usesMeta
      ? `in ${output}, [auth] meta-admins = ["NAME"]: the meta nodes know no admins of Kapacitor`
      : `${kapgate} users add NAME --admin`,
    `${kapgate} subscriptions add influxdb`,
    'systemctl restart kapacitor   (with the changes above)',
    `${kapgate} check`,
    'systemctl start kapgate',
    `${kapgate} doctor`,
  ]
    .map((line, index) => `  ${index + 1}. ${line}\n`)
    .join('');
}
