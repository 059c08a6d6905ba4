import { dirname, join, resolve } from 'node:path';
import type { Config } from '../../config/config.ts';
import { usesMetaNodes } from '../../config/config.ts';
import type { Setting } from '../../config/reader.ts';
import { messageOf } from '../../kernel/errors.ts';
import { fault, ok, unseen, warning } from './finding.ts';
import type { Finding } from './finding.ts';
import type { FileFacts, Machine } from './machine.ts';
import type { Patient } from './patient.ts';

const GROUP_OR_OTHERS = 0o077;
const OTHERS = 0o007;
const OTHERS_READ = 0o004;
const OTHERS_WRITE = 0o002;
const GROUP_WRITES = 0o020;
/** In such a directory nobody removes what is another's. */
const STICKY = 0o1000;

const AS_ROOT = 'run it as root';

/** Whether only those read and write the gateway's files who are to. */
export function fileFindings(patient: Patient): readonly Finding[] {
  const { machine, loaded } = patient;
  const found = [
    ...storeFindings(machine, loaded.config.store.path),
    ...(loaded.file === undefined ? [] : configFindings(machine, loaded.file, loaded.origins)),
    ...loaded.origins.flatMap(({ key, secretFile }) =>
      secretFile === undefined
        ? []
        : secretFindings(machine, secretFile, `the file of [${key.section}] ${key.name}`),
    ),
    ...privateKeys(loaded.config).flatMap(({ path, label }) =>
      secretFindings(machine, path, `the key of ${label}`),
    ),
  ];
  return found.length > 0 ? found : [ok('files', 'only their owner reads store, secrets and keys')];
}

function storeFindings(machine: Machine, path: string): readonly Finding[] {
  const store = factsOf(machine, path);
  if ('finding' in store) return [store.finding];
  const found = parentFindings(machine, path);
  if ((store.facts.mode & GROUP_OR_OTHERS) !== 0) found.push(tooOpen(path, 'the store', 0o700));
  const names = namesIn(machine, path);
  if (names === undefined)
    return [...found, unseen('files', `who may read the files in ${path}`, AS_ROOT)];
  for (const name of names) {
    const file = factsOf(machine, join(path, name));
    if ('finding' in file) found.push(file.finding);
    else if ((file.facts.mode & GROUP_OR_OTHERS) !== 0) {
      found.push(
        tooOpen(join(path, name), 'a file of the store', file.facts.isDirectory ? 0o700 : 0o600),
      );
    } else if (file.facts.uid !== store.facts.uid) {
      found.push(
        fault('files', {
          what: `${join(path, name)} is not the store’s owner’s: user ${file.facts.uid}, not ${store.facts.uid}`,
          why: 'the gateway may not be able to read its users, and another user may',
          fix: `chown --reference=${path} ${join(path, name)}`,
        }),
      );
    }
  }
  return found;
}

/** Who may write a directory above can put another store in its place. */
function parentFindings(machine: Machine, path: string): Finding[] {
  const above = ancestorsOf(path);
  return above.flatMap((directory) => {
    const parent = factsOf(machine, directory);
    if ('finding' in parent || (parent.facts.mode & STICKY) !== 0) return [];
    return (parent.facts.mode & OTHERS_WRITE) === 0
      ? []
      : [
          fault('files', {
            what: `every user may write ${directory}, in which ${path} lies`,
            why: 'they can put a store with an admin of their own in its place',
            fix: `chmod o-w ${directory}`,
          }),
        ];
  });
}

function ancestorsOf(path: string): readonly string[] {
  const parent = dirname(resolve(path));
  return parent === resolve(path) ? [] : [parent, ...ancestorsOf(parent)];
}

function configFindings(
  machine: Machine,
  path: string,
  origins: readonly Setting[],
): readonly Finding[] {
  const file = factsOf(machine, path);
  if ('finding' in file) return [file.finding];
  const { mode } = file.facts;
  const found = parentFindings(machine, path);
  if ((mode & OTHERS_WRITE) !== 0) found.push(writable(path, 'every user', 'o-w'));
  else if ((mode & GROUP_WRITES) !== 0) {
    found.push(
      warning('files', {
        what: `the group ${file.facts.gid} may write ${path}`,
        why: 'whoever writes the configuration opens the gate',
        fix: `chmod g-w ${path}`,
      }),
    );
  }
  const inClear = origins.filter(
    ({ key, plain, origin, secretFile }) =>
      key.kind.secret && origin === path && secretFile === undefined && plain !== '',
  );
  if (inClear.length > 0 && (mode & OTHERS_READ) !== 0) {
    const names = inClear.map(({ key }) => `[${key.section}] ${key.name}`).join(' and ');
    found.push(
      fault('files', {
        what: `every user reads ${path}, which holds ${names}`,
        why: 'whoever knows these can make themselves a token, or read the users at the meta nodes',
        fix: `chown root:kapgate ${path} && chmod 0640 ${path}`,
      }),
    );
  }
  return found;
}

function writable(path: string, who: string, change: string): Finding {
  return fault('files', {
    what: `${who} may write ${path}`,
    why: 'whoever writes the configuration opens the gate',
    fix: `chmod ${change} ${path}`,
  });
}

function secretFindings(machine: Machine, path: string, label: string): readonly Finding[] {
  const file = factsOf(machine, path);
  if ('finding' in file) return [file.finding];
  return (file.facts.mode & OTHERS) === 0
    ? parentFindings(machine, path)
    : [
        fault('files', {
          what: `every user may read or write ${label}: ${path} (${octal(file.facts.mode)})`,
          why: 'a secret that others read is none',
          fix: `chmod o-rwx ${path}`,
        }),
      ];
}

function privateKeys({
  http,
  auth,
}: Config): readonly { readonly path: string; readonly label: string }[] {
  const keys = [
    ...(http.httpsEnabled
      ? [
          {
            // The key may stand behind its certificate.
            path: http.httpsPrivateKey === '' ? http.httpsCertificate : http.httpsPrivateKey,
            label: '[http] https-certificate',
          },
        ]
      : []),
    ...(usesMetaNodes({ auth }) && auth.metaUseTls
      ? [{ path: auth.metaKey, label: '[auth] meta-cert' }]
      : []),
  ];
  return keys.filter(({ path }) => path !== '');
}

function tooOpen(path: string, label: string, mode: number): Finding {
  return fault('files', {
    what: `others than their owner may read or write ${label}: ${path}`,
    why: 'it holds the hashes of passwords; who writes it makes admins',
    fix: `chmod ${octal(mode)} ${path}`,
  });
}

function factsOf(
  machine: Machine,
  path: string,
): { readonly facts: FileFacts } | { readonly finding: Finding } {
  try {
    return { facts: machine.stat(path) };
  } catch (error) {
    const code =
      typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
    const fix = code === 'EACCES' ? AS_ROOT : undefined;
    const why = code === 'ENOENT' ? 'it is not there' : messageOf(error);
    return { finding: unseen('files', `who may read ${path}: ${why}`, fix) };
  }
}

function namesIn(machine: Machine, path: string): readonly string[] | undefined {
  try {
    return machine.list(path);
  } catch {
    return undefined;
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
