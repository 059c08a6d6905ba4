// @ts-check
import { readFileSync } from 'node:fs';

const PAGE = new URL('../../docs/install.md', import.meta.url);

/** Run by other tests, or not to be run here: no Docker, no rules of the kernel, no package that is newer. */
const NOT_HERE = [/^docker /, /kapgate-firewall$/, /^sudo kapgate doctor$/, /kapgate_0\.2\.0/];

/** The lines of docs/install.md in their sections, by heading. @returns {ReadonlyMap<string, readonly string[]>} */
export function linesOfPage() {
  const sections = readFileSync(PAGE, 'utf8').split(/^## /m).slice(1);
  const top = readFileSync(PAGE, 'utf8').split(/^## /m)[0] ?? '';
  return new Map(
    [`Build\n${top}`, ...sections].map((section) => [
      section.slice(0, section.indexOf('\n')),
      [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, code = '']) =>
        code.trim().split('\n'),
      ),
    ]),
  );
}

/** Lines of the page that nobody ran. @param {ReadonlySet<string>} played @returns {readonly string[]} */
export function notPlayed(played) {
  return [...linesOfPage().values()]
    .flat()
    .filter((line) => !played.has(line) && !NOT_HERE.some((each) => each.test(line)));
}
