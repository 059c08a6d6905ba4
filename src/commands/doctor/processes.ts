import { readText } from '../../config/read-text.ts';
import type { Machine } from './machine.ts';

/** A process that holds a socket. */
export interface Process {
  readonly pid: number;
  /** As the kernel knows it, 15 characters at most: `kapacitord`. */
  readonly name: string;
  /** Who started it; 0 where nobody did, or it is not known. */
  readonly parent: number;
}

/** Finds the processes that hold sockets; those that this user may not look into are not found. */
export interface Processes {
  /** More than one where a socket is shared. */
  readonly holding: (inode: string) => readonly Process[];
  /** True where every process could be looked into. */
  readonly sawAll: boolean;
}

/** Looks into every process of the machine, once. */
export function processesOf(machine: Machine): Processes {
  const byInode = new Map<string, Process[]>();
  let sawAll = true;
  for (const pid of numbersIn(machine, '/proc')) {
    const names = listOf(machine, `/proc/${pid}/fd`);
    if (names === undefined) {
      // One that has ended meanwhile holds nothing; of another one we don't know.
      sawAll &&= readName(machine, pid) === undefined;
      continue;
    }
    for (const fd of names) {
      const [, inode] =
        /^socket:\[(\d+)\]$/.exec(machine.readLink(`/proc/${pid}/fd/${fd}`) ?? '') ?? [];
      if (inode === undefined) continue;
      const holders = byInode.get(inode) ?? [];
      holders.push({
        pid,
        name: readName(machine, pid) ?? 'unknown',
        parent: readParent(machine, pid),
      });
      byInode.set(inode, holders);
    }
  }
  return { holding: (inode) => byInode.get(inode) ?? [], sawAll };
}

function numbersIn(machine: Machine, directory: string): readonly number[] {
  return (listOf(machine, directory) ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
}

function listOf(machine: Machine, directory: string): readonly string[] | undefined {
  try {
    return machine.list(directory);
  } catch {
    return undefined;
  }
}

function readName(machine: Machine, pid: number): string | undefined {
  const file = readText(machine.readFile, `/proc/${pid}/comm`);
  return 'refused' in file ? undefined : file.text.trim();
}

function readParent(machine: Machine, pid: number): number {
  const file = readText(machine.readFile, `/proc/${pid}/stat`);
  // The name stands in brackets and can hold any character, brackets too.
  const [, parent] = /^.*\) \S (\d+) /s.exec('refused' in file ? '' : file.text) ?? [];
  return Number(parent ?? 0);
}

/** `kapacitord (pid 4711)`. */
export function named({ name, pid }: Process): string {
  return `${name} (pid ${pid})`;
}
