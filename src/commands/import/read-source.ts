import { isUtf8 } from 'node:buffer';
import { readFileSync, statSync } from 'node:fs';
import { readText } from '../../config/read-text.ts';
import { readExport } from '../../users/import/export-file.ts';
import { formatOf } from '../../users/import/format.ts';
import type { ImportFormat } from '../../users/import/format.ts';
import { readHtpasswd } from '../../users/import/htpasswd.ts';
import type { Reading, ReadingRefusal } from '../../users/import/reading.ts';
import { readVmauth } from '../../users/import/vmauth.ts';
import { CommandError } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';

/** More than a million users; all of it is held at once. */
const MAX_BYTES = 256 * 1024 * 1024;

const TOO_LARGE = 'it is larger than 256 MiB';

/** The text of a file, or of standard input where the source is "-". @throws CommandError */
export async function readSource(source: string, terminal: Terminal): Promise<string> {
  const file =
    source === '-'
      ? await readInput(terminal)
      : readText((path) => {
          if (statSync(path).size > MAX_BYTES) throw new Error(TOO_LARGE);
          return textOf(readFileSync(path));
        }, source);
  if ('refused' in file) {
    throw new CommandError(`cannot read ${nameOf(source)}: ${file.refused}`);
  }
  return file.text;
}

/** The users in a text. @throws CommandError where the text as a whole is not of this format */
export function readUsers(
  source: string,
  text: string,
  asked: ImportFormat | undefined,
): { readonly format: ImportFormat; readonly reading: Reading } {
  const format = asked ?? formatOf(source, text);
  const reading = readAs(format, text);
  if ('refused' in reading) {
    throw new CommandError(`cannot read ${nameOf(source)} as ${format}: ${reading.refused}`);
  }
  return { format, reading };
}

function readAs(format: ImportFormat, text: string): Reading | ReadingRefusal {
  switch (format) {
    case 'htpasswd':
      return readHtpasswd(text);
    case 'vmauth':
      return readVmauth(text);
    case 'kapgate':
      return readExport(text);
    case 'kapacitor':
      throw new Error('BUG: a Kapacitor is no file');
  }
}

async function readInput({
  stdin,
}: Terminal): Promise<{ readonly text: string } | { readonly refused: string }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    const buffer = Buffer.from(chunk as Uint8Array);
    bytes += buffer.length;
    if (bytes > MAX_BYTES) return { refused: TOO_LARGE };
    chunks.push(buffer);
  }
  return readText(() => textOf(Buffer.concat(chunks)), '-');
}

/** Without the mark that some editors put before it. */
function textOf(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new Error('it is not UTF-8');
  return bytes.toString('utf8').replace(/^\ufeff/, '');
}

function nameOf(source: string): string {
  return source === '-' ? 'standard input' : JSON.stringify(source);
}
