import { gateIsOpen, usesMetaNodes } from '../../config/config.ts';
import type { Config } from '../../config/config.ts';
import { messageOf } from '../../kernel/errors.ts';
import { ask } from './ask.ts';
import { fault, ok, unseen, warning } from './finding.ts';
import type { Finding } from './finding.ts';
import { listenersOn } from './patient.ts';
import type { Patient } from './patient.ts';
import { named } from './processes.ts';
import { endpoint, isAny } from './sockets.ts';

const UNAUTHORIZED = 401;

/** Whether the gate is there, is closed, and has its port for itself. */
export async function gateFindings(patient: Patient): Promise<readonly Finding[]> {
  return [
    ...switches(patient),
    ...(await answer(patient)),
    ...kapacitorOnGatePort(patient),
    ...otherOnGatePort(patient),
  ];
}

/** Whether whoever comes first can still become an admin. */
export function firstAdminFindings(
  config: Config,
  everHadAdmin: boolean | undefined,
): readonly Finding[] {
  if (usesMetaNodes(config)) return [];
  if (everHadAdmin === undefined) {
    return [
      unseen(
        'gate',
        'whether there is an admin: the store cannot be read',
        'run it as root; under Debian’s own Node, kapgate users list shows it',
      ),
    ];
  }
  if (everHadAdmin) return [];
  return [
    warning('gate', {
      what: 'nobody was ever made an admin',
      why: config.auth.bootstrap
        ? 'for 15 minutes after each start, whatever sends the first request for it from this machine becomes one'
        : 'nobody can make users through the API',
      fix: 'kapgate users add NAME --admin',
    }),
  ];
}

function switches({ loaded: { config } }: Patient): readonly Finding[] {
  const found: Finding[] = [];
  if (gateIsOpen(config)) {
    found.push(
      fault('gate', {
        what: 'the gate is open: [http] auth-enabled and [auth] enabled are both false',
        why: 'every request passes without credentials',
        fix: 'set both to true, or leave them out, and restart the gateway',
      }),
    );
  }
  if (config.auth.observe) {
    found.push(
      fault('gate', {
        what: 'the gate only observes: [auth] observe = true',
        why: 'requests are judged, and forwarded whatever the verdict',
        fix: 'set [auth] observe = false, and restart the gateway',
      }),
    );
  }
  return found.length > 0 ? found : [ok('gate', 'the configuration closes the gate')];
}

/** What somebody without credentials is told there, now. */
async function answer({ gateUrl, gate }: Patient): Promise<readonly Finding[]> {
  const path = '/kapacitor/v1/tasks?limit=1';
  try {
    const { status } = await ask(`${gateUrl}${path}`, { insecureSkipVerify: true });
    if (status === UNAUTHORIZED) {
      return [ok('gate', `${gateUrl} refuses whoever has no credentials (401)`)];
    }
    const passes = status < 400;
    const complaint = {
      what: `${gateUrl} answers ${status} to a request without credentials, where 401 was to be expected`,
      why: passes
        ? 'whoever reaches that port can do what they like'
        : 'what answers there may be another program than the gateway, or one that goes by another configuration',
      fix: passes
        ? `see which program listens on port ${gate.port}, and restart the gateway with this configuration`
        : `see which program listens on port ${gate.port}, and the gateway’s log`,
    };
    return [passes ? fault('gate', complaint) : warning('gate', complaint)];
  } catch (error) {
    return [
      warning('gate', {
        what: `the gateway does not answer at ${gateUrl}: ${messageOf(error)}`,
        why: 'whether the gate is closed was read from its configuration only',
        fix: 'start it, then run kapgate doctor again',
      }),
    ];
  }
}

/** Kapacitor's name in the list of processes. */
const KAPACITORD = 'kapacitord';

function kapacitorOnGatePort(patient: Patient): readonly Finding[] {
  const { gate, processes } = patient;
  const holders = listenersOn(patient, gate.port)
    .filter(({ host }) => host === gate.host || isAny(gate.host))
    .flatMap(({ inode }) => processes.holding(inode));
  const kapacitor = holders.find(({ name }) => name === KAPACITORD);
  return kapacitor === undefined || gate.port === patient.upstream.port
    ? []
    : [
        fault('gate', {
          what: `${named(kapacitor)} has the gateway’s port ${gate.port}`,
          why: 'clients speak to Kapacitor itself, which asks nobody for credentials',
          fix: `in kapacitor.conf, [http] bind-address = "127.0.0.1:${patient.upstream.port}"; restart kapacitor, then kapgate`,
        }),
      ];
}

/** A socket for one address takes its connections from one for every address. */
function otherOnGatePort(patient: Patient): readonly Finding[] {
  const { gate, upstream, sockets, processes } = patient;
  if (sockets === undefined) {
    return [unseen('gate', `who listens on port ${gate.port}: there is no /proc/net here`)];
  }
  // On another address of the same port there is Kapacitor.
  if (gate.port === upstream.port) return [];
  const here = listenersOn(patient, gate.port).map((socket) => ({
    where: endpoint(socket.host, socket.port),
    // Processes of one program may share a port; where none can be seen, users are told apart.
    who: processes.holding(socket.inode)[0]?.name ?? `user ${socket.uid}`,
    uid: socket.uid,
  }));
  const programs = new Set(here.map(({ who, uid }) => `${who} ${uid}`));
  if (programs.size < 2) return [];
  return [
    fault('gate', {
      what: `two programs share the gateway’s port: ${here.map(({ who, where }) => `${who} at ${where}`).join(', ')}`,
      why: 'a socket for one address takes the requests to it from one for every address',
      fix: `end the one that is not the gateway: ss -tlnp 'sport = :${gate.port}'`,
    }),
  ];
}
