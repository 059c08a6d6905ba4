import { describe, expect, test } from '@jest/globals';
import { fault, ok, unseen, warning } from '../../../src/commands/doctor/finding.ts';
import { renderFindings } from '../../../src/commands/doctor/report.ts';

const COMPLAINT = { what: 'what', why: 'why', fix: 'fix' };

describe('renderFindings', () => {
  test('has a line for each finding, and below it why and what mends it', () => {
    expect(renderFindings([ok('gate', 'well'), fault('subscriptions', COMPLAINT)])).toBe(
      'ok       gate           well\n' +
        'fault    subscriptions  what\n' +
        '                        why: why\n' +
        '                        fix: fix\n' +
        '\n1 fault\n',
    );
  });

  test.each([
    [[ok('gate', 'x')], 'There is no way around the gate'],
    [[unseen('gate', 'x')], 'No way around the gate was found; 1 thing could not be looked at'],
    [[warning('gate', COMPLAINT)], 'There is no way around the gate; 1 warning'],
    [
      [
        fault('gate', COMPLAINT),
        fault('gate', COMPLAINT),
        unseen('gate', 'x'),
        unseen('gate', 'x'),
      ],
      '2 faults; 2 things could not be looked at',
    ],
  ])('says what they come to', (findings, words) => {
    expect(renderFindings(findings).split('\n').at(-2)).toBe(words);
  });

  test('shows the words of others so that no terminal acts on them', () => {
    const text = renderFindings([ok('gate', 'evil\u001b[2Jname\r\u009b\u202e')]);
    expect(text).toContain('evil\\u001b[2Jname\\u000d\\u009b\\u202e');
  });
});
