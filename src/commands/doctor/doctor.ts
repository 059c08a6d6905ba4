import { readFileSync } from 'node:fs';
import { readText } from '../../config/read-text.ts';
import { readPasswordFile } from '../ask-password.ts';
import { loadForCommand } from '../context.ts';
import type { Context } from '../context.ts';
import { openInfluxDb } from '../subscriptions/influxdb.ts';
import type { InfluxDb } from '../subscriptions/influxdb.ts';
import { CommandError, EXIT } from '../terminal.ts';
import { aroundFindings } from './around.ts';
import type { AskOptions } from './ask.ts';
import { certificateFindings } from './certificates.ts';
import type { Ends } from './destination.ts';
import { fileFindings } from './files.ts';
import type { Finding } from './finding.ts';
import { firstAdminFindings, gateFindings } from './gate.ts';
import { inputFindings } from './inputs.ts';
import { kapacitorFindings } from './kapacitor.ts';
import { thisMachine } from './machine.ts';
import type { Machine } from './machine.ts';
import { examine } from './patient.ts';
import { renderFindings } from './report.ts';
import { readStore } from './store.ts';
import { subscriptionFindings } from './subscriptions.ts';

export interface DoctorOptions {
  readonly influxdb?: string | undefined;
  readonly influxdbUser?: string | undefined;
  readonly influxdbPasswordFile?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Looks for ways around the gate, from this machine. @returns 1 where there is one @throws ConfigError, CommandError */
export async function doctor(context: Context, options: DoctorOptions): Promise<number> {
  const machine = thisMachine(context.terminal.process.geteuid?.());
  const findings = await findingsOf(context, options, machine);
  context.terminal.out(
    options.json === true
      ? `${JSON.stringify(findings, undefined, 2)}\n`
      : renderFindings(findings, context.terminal.paint),
  );
  return findings.some(({ result }) => result === 'fault') ? EXIT.failed : EXIT.ok;
}

async function findingsOf(
  context: Context,
  options: DoctorOptions,
  machine: Machine,
): Promise<readonly Finding[]> {
  const loaded = loadForCommand(context);
  const influxdb = influxdbOf(options);
  const patient = examine(machine, loaded);
  const { upstream } = loaded.config;
  const asking: AskOptions = {
    insecureSkipVerify: upstream.insecureSkipVerify,
    ca: upstream.ca === '' ? undefined : textOf(upstream.ca, '[upstream] ca'),
  };
  const found = [
    ...(await gateFindings(patient)),
    ...(await kapacitorFindings(patient, asking)),
    ...(await aroundFindings(patient, asking)),
    ...inputFindings(patient),
    ...fileFindings(patient),
    ...certificateFindings(patient),
  ];
  // Behind all that needs root: to open the store, root becomes its owner.
  const { everHadAdmin, isKnown } = await readStore(context, loaded, machine.now);
  const ends: Ends = {
    gateUrl: patient.gateUrl,
    gatePort: patient.gate.port,
    upstreamPort: patient.upstream.port,
    isHere: machine.isHere,
    isKnown,
  };
  return [
    ...found,
    ...firstAdminFindings(loaded.config, everHadAdmin),
    ...(await subscriptionFindings(patient, ends, asking, influxdb)),
  ];
}

function influxdbOf(options: DoctorOptions): InfluxDb | undefined {
  const { influxdb, influxdbUser, influxdbPasswordFile } = options;
  if (influxdb === undefined) return undefined;
  return openInfluxDb({
    url: influxdb,
    user: influxdbUser,
    password:
      influxdbPasswordFile === undefined ? undefined : readPasswordFile(influxdbPasswordFile),
  });
}

function textOf(path: string, label: string): string {
  const file = readText((name) => readFileSync(name, 'utf8'), path);
  if ('text' in file) return file.text;
  throw new CommandError(`cannot read ${label} ${JSON.stringify(path)}: ${file.refused}`);
}
