import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** The processes that a process has started, and that still run. */
export function childrenOf(pid: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => statOf(name)?.parent === pid)
    .map(Number)
    .sort((a, b) => a - b);
}

/** True while the process runs; one that has ended and is not yet waited for does not. */
export function isRunning(pid: number): boolean {
  const state = statOf(String(pid))?.state;
  return state !== undefined && state !== 'Z';
}

/** How many connections a process has whose own end is this port of 127.0.0.1. */
export function connectionsOf(pid: number, port: number): number {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const established = '01';
  const inodes = new Set(
    readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[1] === local && fields[3] === established)
      .map((fields) => `socket:[${fields[9]}]`),
  );
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => inodes.has(linkOf(pid, fd))).length;
}

function linkOf(pid: number, fd: string): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return '';
  }
}

function statOf(pid: string): { readonly state: string; readonly parent: number } | undefined {
  try {
    const [state = '', parent] = (
      readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1) ?? ''
    ).split(' ');
    return { state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}
