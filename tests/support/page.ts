/** A step of a document that is to be followed: a heading and what stands below it. */
export interface PageStep {
  readonly title: string;
  /** What is done, looked at, and undone: the parts of the step, each with its blocks and code spans in their order. */
  readonly todo: PagePart;
  readonly check: PagePart;
  readonly back: PagePart;
}

export interface PagePart {
  readonly text: string;
  /** The lines of its ```sh blocks, and the code spans that are commands, in the order in which they stand. */
  readonly commands: readonly string[];
  /** Its ```toml blocks. */
  readonly toml: readonly string[];
}

/** What begins a command, in a code span too. */
const COMMAND = /^(?:sudo|systemctl|journalctl|kapgate|curl|influx) /;

/** Reads the steps of a document, by its headings. */
export function stepsOf(markdown: string): readonly PageStep[] {
  const sections = markdown.split(/^##+ /m).slice(1);
  return sections.map((section) => {
    const [title = ''] = section.split('\n');
    const [rest = '', back = ''] = section.slice(title.length).split(/^\*\*Back\*\*:/m);
    const [todo = '', check = ''] = rest.split(/^\*\*Check\*\*:/m);
    return { title, todo: partOf(todo), check: partOf(check), back: partOf(back) };
  });
}

function partOf(text: string): PagePart {
  const pieces = [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$|`([^`\n]+)`/gm)];
  return {
    text,
    commands: pieces.flatMap(([, language, block = '', span = '']) => {
      if (language === 'sh') return block.trim().split('\n');
      return COMMAND.test(span) ? [span] : [];
    }),
    toml: pieces.flatMap(([, language, block = '']) => (language === 'toml' ? [block] : [])),
  };
}

/** Puts keys into a TOML text as a person does: in place of one of the same name, else below their section. */
export function withKeys(text: string, added: string): string {
  let section = '';
  let result = text;
  for (const line of added.split('\n').filter((each) => each.trim() !== '')) {
    if (line.startsWith('[')) {
      section = line;
      if (!result.split('\n').includes(line)) result += `\n${line}\n`;
    } else result = withKey(result, section, line);
  }
  return result;
}

function withKey(text: string, section: string, line: string): string {
  const name = line.split('=')[0]?.trim() ?? '';
  const lines = text.split('\n');
  const start = lines.findIndex((each) => each.trim() === section);
  if (start < 0) throw new Error(`there is no ${section}`);
  const length = lines.slice(start + 1).findIndex((each) => each.trim().startsWith('['));
  const end = length < 0 ? lines.length : start + 1 + length;
  const at = lines.findIndex(
    (each, index) => index > start && index < end && each.split('=')[0]?.trim() === name,
  );
  return (at < 0 ? lines.toSpliced(start + 1, 0, line) : lines.with(at, line)).join('\n');
}

/** Takes a key out of a TOML text. */
export function withoutKey(text: string, name: string): string {
  return text
    .split('\n')
    .filter((line) => line.split('=')[0]?.trim() !== name)
    .join('\n');
}
