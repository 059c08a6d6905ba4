import type { Document } from './toml.ts';

/** Kapacitor's sections and top-level keys beside [http] and [auth]. Source: kapacitor server/config.go, 1.0 to 1.8. */
const KAPACITORS_OWN: ReadonlySet<string> = new Set(
  (
    'hostname data_dir skip-config-overrides default-retention-policy ' +
    'alert replay storage task fluxtask load influxdb logging config-override tls ' +
    'graphite collectd opentsdb udp alerta bigpanda discord hipchat kafka mqtt opsgenie opsgenie2 ' +
    'pagerduty pagerduty2 pushover httppost smtp snmptrap sensu servicenow slack talk teams telegram ' +
    'victorops zenoss scraper azure consul dns ec2 file-discovery gce marathon nerve serverset ' +
    'static-discovery triton kubernetes swarm reporting stats udf deadman'
  ).split(' '),
);

/** Keys of Kapacitor's [http] that mean nothing to a gateway. Source: kapacitor services/httpd/config.go. */
const MEANINGLESS: ReadonlySet<string> = new Set(['write-tracing', 'pprof-enabled']);

/** The sections that only the gateway has. */
const GATEWAYS_OWN = ['upstream', 'store', 'limits', 'log', 'admin', 'audit'] as const;

/** True for a section or top-level key that Kapacitor has and the gateway has not. */
export function isKapacitors(name: string): boolean {
  return KAPACITORS_OWN.has(name);
}

/** True for a key that is Kapacitor's and has no effect here. */
export function isMeaningless(section: string, name: string): boolean {
  return section === 'http' && MEANINGLESS.has(name);
}

/**
 * True where a file is Kapacitor's and not the gateway's own: what it says can close the gate, never open it.
 * With only [http] and [auth] in it the two look alike: then the name decides, or a key that only Kapacitor has.
 */
export function isKapacitorConf(document: Document, path: string): boolean {
  if (GATEWAYS_OWN.some((section) => Object.hasOwn(document, section))) return false;
  if (Object.keys(document).some(isKapacitors)) return true;
  if (/(?:^|[/\\])kapacitor[^/\\]*$|\.conf$/i.test(path)) return true;
  const http = document['http'];
  return (
    typeof http === 'object' &&
    http !== null &&
    Object.keys(http).some((name) => MEANINGLESS.has(name))
  );
}
