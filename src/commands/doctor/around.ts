import { reaches } from '../../config/address.ts';
import { ask } from './ask.ts';
import type { AskOptions } from './ask.ts';
import { fault, ok, unseen, warning } from './finding.ts';
import type { Finding } from './finding.ts';
import { listenersOn, upstreamListeners } from './patient.ts';
import type { Patient } from './patient.ts';
import { named } from './processes.ts';
import type { Process } from './processes.ts';
import { endpoint, isLoopback } from './sockets.ts';
import type { Socket } from './sockets.ts';

const AS_ROOT = 'run it as root';

/** Whether anyone reaches Kapacitor other than by the gate. */
export async function aroundFindings(
  patient: Patient,
  options: AskOptions,
): Promise<readonly Finding[]> {
  if (!patient.upstreamIsHere) return [elsewhere(patient)];
  return [
    ...listeners(patient),
    ...(await otherAddresses(patient, options)),
    ...passers(patient),
    await strangers(patient),
  ];
}

function elsewhere({ upstream }: Patient): Finding {
  const { host, port } = upstream;
  return warning('around', {
    what: `Kapacitor is on another machine, ${endpoint(host, port)}: what reaches it there cannot be seen from here`,
    why: 'every machine that reaches that port goes past the gate',
    fix: `let that machine’s firewall take packets to port ${port} from this machine only, and run kapgate doctor there`,
  });
}

function listeners(patient: Patient): readonly Finding[] {
  const { upstream, sockets } = patient;
  if (sockets === undefined) {
    return [unseen('around', `who listens on port ${upstream.port}: there is no /proc/net here`)];
  }
  const found = upstreamListeners(patient);
  if (found.length === 0) {
    return [
      unseen(
        'around',
        `who listens on port ${upstream.port}: nobody whom this machine’s tables show (a container?)`,
        'run it where Kapacitor runs, in its network namespace',
      ),
    ];
  }
  const open = found.filter(({ host }) => !isLoopback(host));
  return open.length === 0
    ? [ok('around', `port ${upstream.port} is open on ${found.map(where).join(', ')} only`)]
    : open.map((socket) =>
        fault('around', {
          what: `${holderOf(patient, socket)} listens on ${where(socket)}, for other machines too`,
          why: 'whoever reaches that port has Kapacitor without a password',
          fix: `in kapacitor.conf, [http] bind-address = "127.0.0.1:${upstream.port}"; restart kapacitor`,
        }),
      );
}

/** A listener may be hidden (a container's, a forwarding rule): then its answer is not. */
async function otherAddresses(patient: Patient, options: AskOptions): Promise<readonly Finding[]> {
  const { gate, upstream, machine, loaded } = patient;
  const scheme = loaded.config.upstream.url.split(':')[0] ?? 'http';
  const others = machine
    .addresses()
    .filter(
      (each) =>
        !each.isLoopback && !reaches(gate, { host: each.host, port: upstream.port }, [each.host]),
    );
  const answers = await Promise.all(
    others.map(({ host }) => answersAt(`${scheme}://${endpoint(host, upstream.port)}`, options)),
  );
  const reached = answers.filter((each) => each !== undefined);
  if (reached.length === 0) {
    const number = `${others.length} other address${others.length === 1 ? '' : 'es'}`;
    return [ok('around', `Kapacitor answers on none of the ${number} of this machine`)];
  }
  return [
    fault('around', {
      what: `Kapacitor answers without the gate at ${reached.join(', ')}`,
      why: 'whoever reaches such an address has Kapacitor without a password',
      fix: `in kapacitor.conf, [http] bind-address = "127.0.0.1:${upstream.port}"; end what else forwards that port`,
    }),
  ];
}

/** The URL, where Kapacitor answers there. */
async function answersAt(url: string, options: AskOptions): Promise<string | undefined> {
  try {
    const { kapacitorVersion } = await ask(`${url}/kapacitor/v1/ping`, {
      ...options,
      insecureSkipVerify: true,
    });
    return kapacitorVersion === undefined ? undefined : url;
  } catch {
    return undefined;
  }
}

/** Who is connected to Kapacitor now and is not the gateway. */
function passers(patient: Patient): readonly Finding[] {
  const { upstream, gate, sockets, processes, machine } = patient;
  const connected = (sockets ?? []).filter(
    (each) =>
      each.protocol === 'tcp' &&
      each.state === 'connected' &&
      each.remotePort === upstream.port &&
      isLoopback(each.remoteHost),
  );
  const gatePids = new Set(
    listenersOn(patient, gate.port).flatMap(({ inode }) =>
      processes.holding(inode).map(({ pid }) => pid),
    ),
  );
  const own = Number(machine.readLink('/proc/self'));
  const seen = new Map<number, Process>();
  for (const holder of connected.flatMap(({ inode }) => processes.holding(inode))) {
    // Workers of the gateway have connections of their own.
    const isGate = gatePids.has(holder.pid) || gatePids.has(holder.parent);
    if (holder.pid !== own && !isGate) seen.set(holder.pid, holder);
  }
  if (gatePids.size === 0) {
    return [
      unseen(
        'around',
        'who is connected to Kapacitor now: the gateway’s process was not found',
        AS_ROOT,
      ),
    ];
  }
  const found = Array.from(seen.values(), (each) =>
    fault('around', {
      what: `${named(each)} is connected to Kapacitor’s port ${upstream.port}, past the gate`,
      why: 'it needs no password, and neither permissions nor the log know of it',
      fix: `give it a user, and the gate’s port ${gate.port}`,
    }),
  );
  if (found.length > 0 || processes.sawAll) {
    return found.length > 0
      ? found
      : [ok('around', 'nobody but the gateway is connected to Kapacitor now')];
  }
  return [unseen('around', 'who is connected to Kapacitor now: processes of other users', AS_ROOT)];
}

/** A loopback address keeps other machines out, and nobody on this one. */
async function strangers({ upstream, machine, gatewayUid }: Patient): Promise<Finding> {
  const connects = await machine.strangerConnects(upstream, gatewayUid);
  if (connects === undefined) {
    return unseen('around', 'whether other users of this machine reach Kapacitor', AS_ROOT);
  }
  return connects
    ? warning('around', {
        what: `every user of this machine reaches Kapacitor on port ${upstream.port}`,
        why: 'whoever has an account here, or a program that can be made to send requests, needs no password',
        fix: 'systemctl enable --now kapgate-firewall (docs/doctor.md says how)',
      })
    : ok('around', 'other users of this machine do not reach Kapacitor');
}

function holderOf({ processes }: Patient, { inode, uid }: Socket): string {
  const [holder] = processes.holding(inode);
  return holder === undefined ? `a program of user ${uid}` : named(holder);
}

function where({ host, port }: Socket): string {
  return endpoint(host, port);
}
