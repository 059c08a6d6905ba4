import { escapeControls } from '../../kernel/json-line.ts';
import type { Terminal } from '../terminal.ts';
import { verdictCell } from '../verdict.ts';
import type { Finding } from './finding.ts';

/** The findings for people, those without fault first, and what they come to. */
export function renderFindings(
  findings: readonly Finding[],
  paint: Terminal['paint'] = (_, text) => text,
): string {
  const width = Math.max(...findings.map(({ part }) => part.length));
  // Names of processes, files and subscriptions are others' words: a terminal must not act on them.
  const lines = findings.map(({ part, result, what, why, fix }) => {
    const indent = ' '.repeat(RESULT_WIDTH + width + 4);
    return [
      `${verdictCell(paint, result, RESULT_WIDTH)}  ${part.padEnd(width)}  ${escapeControls(what)}`,
      ...(why === undefined ? [] : [escapeControls(`${indent}why: ${why}`)]),
      ...(fix === undefined ? [] : [escapeControls(`${indent}fix: ${fix}`)]),
    ];
  });
  return `${lines.flat().join('\n')}\n\n${summary(findings)}\n`;
}

const RESULT_WIDTH = 'warning'.length;

function summary(findings: readonly Finding[]): string {
  const count = (result: Finding['result']): number =>
    findings.filter((each) => each.result === result).length;
  const [faults, warnings, blind] = [count('fault'), count('warning'), count('unseen')];
  const rest = [
    ...(warnings > 0 ? [`${warnings} warning${warnings === 1 ? '' : 's'}`] : []),
    ...(blind > 0 ? [`${blind} thing${blind === 1 ? '' : 's'} could not be looked at`] : []),
  ];
  const head =
    faults > 0
      ? `${faults} fault${faults === 1 ? '' : 's'}`
      : blind > 0
        ? 'No way around the gate was found'
        : 'There is no way around the gate';
  return [head, ...rest].join('; ');
}
