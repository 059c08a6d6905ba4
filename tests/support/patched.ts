/** Applies the diff in a report as patch(1) would: by its line numbers alone. @throws where a line is not there */
export function patched(text: string, report: string): string {
  const lines = text.split('\n');
  const result: string[] = [];
  let next = 0;
  const hunks = report.matchAll(/^@@ -(\d+)(,0)? \+\d+(?:,\d+)? @@.*\n((?:[-+][^\n]*\n)+)/gm);
  for (const [, at = '', inserts, body = ''] of hunks) {
    const upTo = Number(at) - (inserts === undefined ? 1 : 0);
    result.push(...lines.slice(next, upTo));
    next = upTo;
    for (const line of body.replace(/\n$/, '').split('\n')) {
      if (line.startsWith('+')) result.push(line.slice(1));
      else if (lines[next++] !== line.slice(1)) throw new Error(`line ${next} is not ${line}`);
    }
  }
  return [...result, ...lines.slice(next)].join('\n');
}
