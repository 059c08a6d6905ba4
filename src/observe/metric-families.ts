import type { Figures, LaneName } from './figures.ts';
import type { Count, Meters } from './meters.ts';

/** What was counted, and how things stand, when somebody asks. */
export interface Counted {
  readonly meters: Meters;
  readonly figures: Figures;
  /** Lines of the audit log that were dropped since the start. */
  readonly auditDropped: number;
  /** Node's own metrics of other processes that are a part of this gateway. */
  readonly others?: readonly (readonly object[])[];
}

/** Where the values of metrics come from. */
export interface MetricSources {
  readonly version: string;
  /** Asked once for each time that somebody asks for metrics. */
  readonly counted: () => Counted | Promise<Counted>;
  /** Requests that a rehearsal or an open gate lets pass: 1 while it does. */
  readonly isOpen: () => boolean;
  /** When the last reload failed and the old configuration goes on. */
  readonly reloadFailed: () => boolean;
}

/** A metric with the values of its labels. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly counts: (counted: Counted) => readonly Count[];
}

function one(value: number): readonly Count[] {
  return [{ labels: {}, value }];
}

/** What only ever grows. */
export const COUNTERS: readonly Family[] = [
  ...requestCounters(),
  ...otherCounters(),
  ...metaCounters(),
];

function requestCounters(): readonly Family[] {
  return [
    {
      name: 'kapgate_requests_total',
      help: 'Requests that are over, by verdict, class of status, privilege and route.',
      labels: ['verdict', 'status', 'privilege', 'route'],
      counts: ({ meters }) => meters.requests(),
    },
    {
      name: 'kapgate_logins_total',
      help: 'Requests by how credentials were given and what came of them.',
      labels: ['credentials', 'outcome'],
      counts: ({ meters }) => meters.logins(),
    },
    {
      name: 'kapgate_failures_total',
      help: 'Refusals and failures of the gateway, by the row of its list of errors.',
      labels: ['code'],
      counts: ({ meters }) => meters.failures(),
    },
    {
      name: 'kapgate_would_be_refused_total',
      help: 'Requests that a rehearsal let pass, by the status of the refusal.',
      labels: ['status'],
      counts: ({ meters }) => meters.wouldBe(),
    },
    {
      name: 'kapgate_bare_writes_refused_total',
      help: 'Writes that were refused because they came without credentials.',
      counts: ({ meters }) => one(meters.bareWrites),
    },
  ];
}

function otherCounters(): readonly Family[] {
  return [
    {
      name: 'kapgate_failed_handshakes_total',
      help: 'Connections on which TLS did not come about.',
      counts: ({ meters }) => one(meters.failedHandshakes),
    },
    {
      name: 'kapgate_bytes_total',
      help: 'Bytes on the connections of clients, counted at the end of each request.',
      labels: ['direction'],
      counts: ({ meters }) => [
        { labels: { direction: 'in' }, value: meters.receivedBytes },
        { labels: { direction: 'out' }, value: meters.sentBytes },
      ],
    },
    {
      name: 'kapgate_verified_passwords_total',
      help: 'Passwords looked up among those that were verified a while ago.',
      labels: ['result'],
      counts: ({ meters }) => [
        { labels: { result: 'hit' }, value: meters.verifiedHits },
        { labels: { result: 'miss' }, value: meters.verifiedMisses },
      ],
    },
    {
      name: 'kapgate_audit_lines_dropped_total',
      help: 'Lines that the audit log could not take.',
      counts: ({ auditDropped }) => one(auditDropped),
    },
  ];
}

function metaCounters(): readonly Family[] {
  const byNode =
    (count: 'attempts' | 'failures'): Family['counts'] =>
    ({ figures }) =>
      (figures.meta?.nodes ?? []).map((node) => ({
        labels: { node: node.node },
        value: node[count],
      }));
  const ofAll =
    (count: 'outages' | 'wentOn'): Family['counts'] =>
    ({ figures }) =>
      one(figures.meta?.[count] ?? 0);
  return [
    {
      name: 'kapgate_meta_calls_total',
      help: 'Calls to each meta node.',
      labels: ['node'],
      counts: byNode('attempts'),
    },
    {
      name: 'kapgate_meta_errors_total',
      help: 'Calls to each meta node that failed.',
      labels: ['node'],
      counts: byNode('failures'),
    },
    {
      name: 'kapgate_meta_outages_total',
      help: 'How often no meta node could say what it was asked.',
      counts: ofAll('outages'),
    },
    {
      name: 'kapgate_meta_stale_logins_total',
      help: 'Logins that went on with what was known before an outage of the meta nodes.',
      counts: ofAll('wentOn'),
    },
  ];
}

/** In the order in which they are printed. */
export const LANES: readonly LaneName[] = ['writes', 'api', 'streams'];

/** What is so at the moment. */
export function gauges(options: MetricSources): readonly Family[] {
  const { version } = options;
  const byLane =
    (figure: 'inUse' | 'waiting'): Family['counts'] =>
    ({ figures: { lanes } }) =>
      LANES.map((lane) => ({ labels: { lane }, value: lanes[lane][figure] }));
  return [
    {
      name: 'kapgate_build_info',
      help: '1, with the version of the gateway.',
      labels: ['version'],
      counts: () => [{ labels: { version }, value: 1 }],
    },
    {
      name: 'kapgate_gate_open',
      help: '1 while the gate is open or in a rehearsal.',
      counts: () => one(Number(options.isOpen())),
    },
    {
      name: 'kapgate_reload_failed',
      help: '1 while the last reload failed and the old configuration goes on.',
      counts: () => one(Number(options.reloadFailed())),
    },
    {
      name: 'kapgate_requests_in_progress',
      help: 'Requests that have begun and not ended, open streams among them.',
      counts: ({ meters }) => one(meters.requestsInProgress),
    },
    {
      name: 'kapgate_log_streams_open',
      help: 'Readers of the log stream.',
      counts: ({ figures }) => one(figures.lanes.streams.inUse),
    },
    {
      name: 'kapgate_upstream_connections_in_use',
      help: 'Connections to Kapacitor that a request has, by lane.',
      labels: ['lane'],
      counts: byLane('inUse'),
    },
    {
      name: 'kapgate_upstream_requests_waiting',
      help: 'Requests that wait for a connection to Kapacitor, by lane.',
      labels: ['lane'],
      counts: byLane('waiting'),
    },
    {
      name: 'kapgate_passwords_running',
      help: 'Passwords that are being compared or hashed.',
      counts: ({ figures }) => one(figures.passwords.running),
    },
    {
      name: 'kapgate_passwords_waiting',
      help: 'Passwords that wait for that.',
      counts: ({ figures }) => one(figures.passwords.waiting),
    },
    ...metaGauges(),
  ];
}

function metaGauges(): readonly Family[] {
  return [
    {
      name: 'kapgate_meta_out',
      help: '1 while no meta node can say who users are.',
      counts: ({ figures }) => one(Number(figures.meta?.isOut ?? false)),
    },
    {
      name: 'kapgate_meta_node_resting',
      help: '1 while a meta node is left alone because it failed in a row.',
      labels: ['node'],
      counts: ({ figures }) =>
        (figures.meta?.nodes ?? []).map(({ node, resting }) => ({
          labels: { node },
          value: Number(resting),
        })),
    },
  ];
}
