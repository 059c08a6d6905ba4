import type { FileFacts, Machine, OwnAddress } from '../../../src/commands/doctor/machine.ts';

/** What a made-up machine has; what is not said is not there. */
export interface Made {
  readonly uid?: number;
  readonly now?: number;
  readonly files?: Readonly<Record<string, string>>;
  /** Directories with what is in them. */
  readonly directories?: Readonly<Record<string, readonly string[]>>;
  readonly links?: Readonly<Record<string, string>>;
  readonly facts?: Readonly<Record<string, Partial<FileFacts>>>;
  readonly addresses?: readonly OwnAddress[];
  readonly strangerConnects?: boolean;
}

/** A machine to be looked at. */
export function makeMachine(made: Made): Machine {
  return {
    uid: made.uid ?? 0,
    now: () => made.now ?? Date.now(),
    readFile: (path) => found(made.files?.[path]),
    list: (path) => found(made.directories?.[path]),
    stat: (path) => ({
      uid: 0,
      gid: 0,
      mode: 0o755,
      isDirectory: true,
      ...found(made.facts?.[path]),
    }),
    readLink: (path) => made.links?.[path],
    addresses: () => made.addresses ?? [],
    isHere: (host) => Promise.resolve(host === '127.0.0.1' || host === 'here'),
    strangerConnects: () => Promise.resolve(made.strangerConnects),
  };
}

function found<T>(value: T | undefined): T {
  if (value !== undefined) return value;
  throw Object.assign(new Error('ENOENT: no such file or directory'), { code: 'ENOENT' });
}

/** A row of /proc/net/tcp or udp. */
export function row(
  local: string,
  remote: string,
  state: string,
  uid: number,
  inode: number,
): string {
  return `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 ${inode} 1 0000000000000000 100 0 0 10 0`;
}

/** The tables of sockets, as files. */
export function tables(of: {
  readonly tcp?: readonly string[];
  readonly tcp6?: readonly string[];
  readonly udp?: readonly string[];
}): Record<string, string> {
  const head =
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
  return {
    '/proc/net/tcp': [head, ...(of.tcp ?? [])].join('\n'),
    '/proc/net/tcp6': [head, ...(of.tcp6 ?? [])].join('\n'),
    '/proc/net/udp': [head, ...(of.udp ?? [])].join('\n'),
  };
}

/** Processes by their pid: a name, and the inodes of their sockets. */
export function processes(
  all: Readonly<
    Record<
      string,
      { readonly name: string; readonly inodes: readonly number[]; readonly parent?: number }
    >
  >,
): Pick<Required<Made>, 'files' | 'directories' | 'links'> {
  const files: Record<string, string> = {};
  const directories: Record<string, readonly string[]> = { '/proc': [...Object.keys(all), 'net'] };
  const links: Record<string, string> = { '/proc/self': '99999' };
  for (const [pid, { name, inodes, parent = 1 }] of Object.entries(all)) {
    files[`/proc/${pid}/comm`] = `${name}\n`;
    files[`/proc/${pid}/stat`] = `${pid} (${name}) S ${parent} 0 0 0`;
    directories[`/proc/${pid}/fd`] = ['0', ...inodes.map(String)];
    links[`/proc/${pid}/fd/0`] = '/dev/null';
    for (const inode of inodes) links[`/proc/${pid}/fd/${inode}`] = `socket:[${inode}]`;
  }
  return { files, directories, links };
}
