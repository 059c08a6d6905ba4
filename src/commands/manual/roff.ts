/** A text for a man page: nothing in it is a request to roff, and - is the character that is typed. */
export function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('’', '\\(cq')
    .replaceAll('…', '...')
    .replaceAll('µ', '\\(mc')
    .replace(/^(?=[.'])/gm, '\\&');
}

/** The head of a page. `date` is YYYY-MM-DD. */
export function titleLine(
  name: string,
  section: number,
  { date, version }: { readonly date: string; readonly version: string },
): string {
  return `.TH ${roff(name.toUpperCase())} ${section} "${date}" "Kapgate ${roff(version)}" "Kapgate"\n`;
}

/** Lines that are shown as they are. */
export function verbatim(lines: readonly string[]): string {
  return `.RS 4\n.nf\n${lines.map((line) => `${roff(line)}\n`).join('')}.fi\n.RE\n`;
}

/** A term, and what it is. */
export function item(term: string, text: string): string {
  return `.TP\n.B ${roff(term)}\n${roff(text)}\n`;
}

/** What our documents use of Markdown: headings from ## on, paragraphs, lists, code and links. */
export function fromMarkdown(markdown: string): string {
  const blocks = markdown
    .replace(/<!--.*?-->/gs, '')
    .split(/\n{2,}/)
    .map((block) => block.trim())
    .filter((block) => block !== '' && !/^# /.test(block));
  // Behind a heading a paragraph begins by itself.
  return blocks
    .map(blockOf)
    .join('')
    .replace(/(?<=^|\.S[HS] .*\n)\.PP\n/g, '');
}

function blockOf(block: string): string {
  const [, marks, heading] = /^(##+) (.*)$/.exec(block) ?? [];
  if (heading !== undefined) {
    const bare = roff(heading.replaceAll('`', ''));
    return marks === '##' ? `.SH "${bare.toUpperCase()}"\n` : `.SS "${bare}"\n`;
  }
  if (!block.startsWith('- ')) return `.PP\n${inline(block)}\n`;
  return block
    .split(/\n(?=- )/)
    .map((each) => `.IP \\(bu 2\n${inline(each.replace(/^- /, '').replace(/\n {2}/g, '\n'))}\n`)
    .join('');
}

function inline(text: string): string {
  const linked = text.replace(/\[([^\]]+)\]\([^)]*\)/g, '$1').replace(/\*\*([^*]+)\*\*/g, '$1');
  return linked
    .split('`')
    .map((part, index) => (index % 2 === 1 ? `\\fB${roff(part)}\\fR` : roff(part)))
    .join('')
    .replace(/^(?=[.'])/gm, '\\&');
}
