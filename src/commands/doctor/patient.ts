import { reaches } from '../../config/address.ts';
import type { Address } from '../../config/config.ts';
import { addressOf } from '../../config/hosts.ts';
import type { Loaded } from '../../config/load.ts';
import { processesOf } from './processes.ts';
import type { Processes } from './processes.ts';
import { socketsOf } from './machine.ts';
import type { Machine } from './machine.ts';
import { endpoint, isAny } from './sockets.ts';
import type { Socket } from './sockets.ts';

/** A gateway and its Kapacitor on a machine, as the doctor's checks find them. */
export interface Patient {
  readonly machine: Machine;
  readonly loaded: Loaded;
  /** Where the gateway listens. */
  readonly gate: Address;
  /** Its own URL, as clients on this machine say it. */
  readonly gateUrl: string;
  /** Where Kapacitor is. */
  readonly upstream: Address;
  /** False where Kapacitor is on another machine. */
  readonly upstreamIsHere: boolean;
  /** Undefined where the kernel's tables cannot be read. */
  readonly sockets: readonly Socket[] | undefined;
  readonly processes: Processes;
  /** The user that the gateway runs as: the one who listens on its port, else the owner of its store. */
  readonly gatewayUid: number | undefined;
}

/** Takes down what several checks need. */
export function examine(machine: Machine, loaded: Loaded): Patient {
  const { http, upstream } = loaded.config;
  const at = addressOf(upstream.url);
  const address = { host: at.host.replace(/^\[|\]$/g, ''), port: at.port };
  const own = machine.addresses().map(({ host }) => host);
  const host = isAny(http.bindAddress.host) ? '127.0.0.1' : http.bindAddress.host;
  const sockets = socketsOf(machine);
  return {
    machine,
    loaded,
    gate: http.bindAddress,
    gateUrl: `${http.httpsEnabled ? 'https' : 'http'}://${endpoint(host, http.bindAddress.port)}`,
    upstream: address,
    upstreamIsHere: reaches({ host: '', port: address.port }, address, own),
    sockets,
    processes: processesOf(machine),
    gatewayUid:
      listening(sockets, http.bindAddress.port)[0]?.uid ??
      ownerOf(machine, loaded.config.store.path),
  };
}

/** Sockets that wait for connections to a port. */
export function listenersOn({ sockets }: Patient, port: number): readonly Socket[] {
  return listening(sockets, port);
}

/** Sockets by which Kapacitor can be reached, those of the gateway left out where the two have one port. */
export function upstreamListeners(patient: Patient): readonly Socket[] {
  const { gate, upstream } = patient;
  return listenersOn(patient, upstream.port).filter(
    ({ host, port }) => port !== gate.port || host !== gate.host,
  );
}

function listening(sockets: Patient['sockets'], port: number): readonly Socket[] {
  return (sockets ?? []).filter((each) => each.state === 'listening' && each.port === port);
}

function ownerOf(machine: Machine, path: string): number | undefined {
  try {
    return machine.stat(path).uid;
  } catch {
    return undefined;
  }
}
