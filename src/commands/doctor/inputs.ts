import { fault, ok, unseen } from './finding.ts';
import type { Finding } from './finding.ts';
import { upstreamListeners } from './patient.ts';
import type { Patient } from './patient.ts';
import { named } from './processes.ts';
import { endpoint, isLoopback } from './sockets.ts';

/** What listens where by default. Source: the services' NewConfig. */
const USUAL: ReadonlyMap<number, string> = new Map([
  [2003, '[[graphite]]'],
  [4242, '[opentsdb]'],
  [25_826, '[collectd]'],
]);

/** Whether Kapacitor takes points by other ways than HTTP. */
export function inputFindings(patient: Patient): readonly Finding[] {
  const { sockets, processes, upstream, upstreamIsHere } = patient;
  if (!upstreamIsHere || sockets === undefined) {
    return [unseen('inputs', 'what else Kapacitor listens on', 'run it where Kapacitor runs')];
  }
  const holders = upstreamListeners(patient).flatMap(({ inode }) => processes.holding(inode));
  const pids = new Set(holders.map(({ pid }) => pid));
  const [kapacitor] = holders;
  if (kapacitor === undefined) {
    return [unseen('inputs', 'what else Kapacitor listens on: its process', 'run it as root')];
  }
  const others = sockets.filter(
    ({ state, port, protocol, inode }) =>
      state !== 'connected' &&
      !(protocol === 'tcp' && port === upstream.port) &&
      processes.holding(inode).some(({ pid }) => pids.has(pid)),
  );
  const open = others.filter(({ host }) => !isLoopback(host));
  if (open.length === 0)
    return [ok('inputs', `${named(kapacitor)} is open to others on no other port`)];
  return open.map(({ host, port, protocol }) =>
    fault('inputs', {
      what: `${named(kapacitor)} takes points at ${endpoint(host, port)} over ${protocol.toUpperCase()}`,
      why: 'they come in past the gate, from anyone',
      fix: `${sectionsOf(protocol, port)} in kapacitor.conf: enabled = false, or a bind-address on 127.0.0.1`,
    }),
  );
}

function sectionsOf(protocol: string, port: number): string {
  return (
    USUAL.get(port) ??
    (protocol === 'udp'
      ? '[[udp]] (or [[influxdb]] subscription-protocol = "udp", which should be "http")'
      : '[[graphite]] or [opentsdb]')
  );
}
