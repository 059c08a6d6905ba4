import type { ChildProcess } from 'node:child_process';
import { createThrottle } from '../authenticate/throttle.ts';
import type { Throttle } from '../authenticate/throttle.ts';
import { warningsOf } from '../config/config.ts';
import type { Config } from '../config/config.ts';
import { messageOf } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import type { Admin } from '../observe/admin.ts';
import { openDoor, withHandshakes } from '../listener/doors.ts';
import type { Door, DoorPlace } from '../listener/doors.ts';
import { AuditFile } from '../observe/audit-file.ts';
import { openAdmin } from '../wiring/admin.ts';
import { openPlaces } from '../wiring/places.ts';
import type { ReloadState } from '../wiring/state.ts';
import type { ConfigTexts } from './config-texts.ts';
import { Crew } from './crew.ts';
import type { Member } from './member.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { Reception } from './reception.ts';
import { createAttempts } from './shared-throttle.ts';
import type { Attempts } from './shared-throttle.ts';
import { createWhole } from './whole.ts';
import type { Whole } from './whole.ts';

interface PrimarySurroundings {
  readonly version: string;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Starts a worker. */
  readonly fork: () => ChildProcess;
  /** What the configuration was read from. */
  readonly texts: ConfigTexts;
}

const PREPARE_MS = 10_000;
/** Beyond `shutdown-timeout`: for what a worker does after its last request. */
const STOP_MS = 5_000;

/** A gateway of several processes: this one keeps the doors and what must be counted once, workers do the rest. */
export class Primary {
  /** Rejects where workers end again and again. */
  readonly lost: Promise<never>;
  readonly #started: Config;
  readonly #log: Log;
  readonly #audit: AuditFile | undefined;
  readonly #reception: Reception;
  readonly #attempts = new Map<Member, Attempts>();
  readonly #crew: Crew;
  readonly #whole: Whole;
  readonly #admin: Admin | undefined;
  readonly #doors: Door[] = [];
  #current: { readonly config: Config; readonly texts: ConfigTexts };
  #throttle: Throttle;
  #lastReload: ReloadState = { failure: undefined, needsRestart: [] };

  /** It is not yet listening, and no worker is started. @throws where the audit log cannot be opened */
  constructor(config: Config, surroundings: PrimarySurroundings) {
    const { log, version } = surroundings;
    const { limits, http } = config;
    this.#started = config;
    this.#log = log;
    this.#audit = openAudit(config, surroundings);
    this.#current = { config, texts: surroundings.texts };
    this.#throttle = createThrottle(limits.loginFailures);
    this.#reception = new Reception(maxClientsOf(config));
    const { lost, onLost } = createLoss();
    this.lost = lost;
    this.#crew = this.#createCrew(surroundings, onLost);
    this.#whole = createWhole({
      count: http.workers,
      ready: () => this.#crew.ready,
      reload: () => this.#lastReload,
    });
    this.#admin = openAdmin(config, {
      ...this.#whole,
      log,
      version,
      isOpen: () => warningsOf(this.#current.config).length > 0,
      reloadFailed: () => this.#lastReload.failure !== undefined,
    });
  }

  /** As Gateway's. @throws also what a worker cannot begin for */
  async start(inherited: readonly DoorPlace[] = []): Promise<readonly Door[]> {
    await this.#audit?.close();
    await this.#crew.start();
    await this.#admin?.start();
    return openPlaces(this.#started, inherited, (places) => this.#open(places));
  }

  /** As Gateway's, in all workers or in none. @throws what the first has said that cannot take it */
  async reload(config: Config, texts: ConfigTexts): Promise<void> {
    const prepared = await prepareAll(this.#crew.ready, texts);
    this.#current = { config, texts };
    this.#throttle = createThrottle(config.limits.loginFailures);
    const committed = await commitAll(prepared, this.#log);
    // Those that began with the old one, while the others were asked.
    this.#crew.renewAllBut(committed);
  }

  noteReload(state: ReloadState): void {
    this.#lastReload = state;
  }

  reopenFiles(): void {
    for (const member of this.#crew.ready) member.tell({ kind: 'reopen' });
  }

  /** As Gateway's. */
  async stop(): Promise<void> {
    for (const door of this.#doors) void door.close();
    this.#reception.end();
    await this.#crew.stop(this.#started.http.shutdownTimeoutMs + STOP_MS);
    await this.#admin?.stop();
  }

  #createCrew({ fork, log, now }: PrimarySurroundings, onLost: (why: Error) => void): Crew {
    const { workers } = this.#started.http;
    const startedMs = now();
    return new Crew({
      count: workers,
      fork,
      beginning: () => ({ texts: this.#current.texts, workers, startedMs }),
      log,
      onLost,
      onReady: (member) => {
        const tell = (message: ToWorker): void => member.tell(message);
        this.#attempts.set(
          member,
          createAttempts(() => this.#throttle, tell),
        );
        this.#reception.open(member);
      },
      onGone: (member) => {
        this.#whole.keep(member);
        this.#attempts.delete(member);
        this.#reception.close(member);
      },
      onMessage: (member, message) => this.#hear(member, message),
    });
  }

  #hear(member: Member, message: FromWorker): void {
    if (message.kind === 'clients') this.#reception.note(member, message.came, message.left);
    else if (message.kind === 'alive') this.#reception.noteAlive(member);
    else if (message.kind === 'throttle' || message.kind === 'end-attempt') {
      this.#attempts.get(member)?.hear(message);
    }
  }

  async #open(places: readonly DoorPlace[]): Promise<readonly Door[]> {
    for (const place of places) {
      const door = await openDoor(place, {
        maxConnections: maxClientsOf(this.#started),
        forOthers: true,
        onConnection: (socket, kind) => this.#reception.take({ socket, door: kind }),
        onError: (error) => {
          this.#log.error('a connection could not be taken', { cause: messageOf(error) });
        },
      });
      this.#doors.push(door);
    }
    return [...this.#doors];
  }
}

function maxClientsOf({ limits }: Config): number {
  return withHandshakes(limits.maxConnections);
}

/**
 * All workers append to one file: the line that a killed one left unfinished is ended once, before the first begins.
 * @throws as AuditFile
 */
function openAudit({ audit }: Config, { log, now }: PrimarySurroundings): AuditFile | undefined {
  return audit.file === '' ? undefined : new AuditFile({ path: audit.file, log, now });
}

/** @returns those that have made it. @throws where one cannot: then none keeps what it has made */
async function prepareAll(
  members: readonly Member[],
  texts: ConfigTexts,
): Promise<readonly Member[]> {
  const prepared: Member[] = [];
  const failures: string[] = [];
  await Promise.all(
    members.map(async (member) => {
      const answer = await member.ask({ to: 'prepare', texts }, PREPARE_MS);
      // Who is gone is replaced by one that begins with what counts then.
      if (answer?.to !== 'prepare') return;
      if (answer.value.failure === undefined) prepared.push(member);
      else failures.push(answer.value.failure);
    }),
  );
  const [failure] = failures;
  if (failure === undefined) return prepared;
  for (const member of prepared) member.tell({ kind: 'drop' });
  throw new Error(failure);
}

/** @returns those in which it counts now */
async function commitAll(members: readonly Member[], log: Log): Promise<readonly Member[]> {
  const answers = await Promise.all(
    members.map(async (member) => ({
      member,
      answer: await member.ask({ to: 'commit' }, PREPARE_MS),
    })),
  );
  return answers.flatMap(({ member, answer }) => {
    if (answer?.to !== 'commit') return [];
    const { failure } = answer.value;
    if (failure === undefined) return [member];
    log.error('a worker did not take the configuration up', {
      worker: member.place,
      cause: failure,
    });
    return [];
  });
}

function createLoss(): { readonly lost: Promise<never>; readonly onLost: (why: Error) => void } {
  let onLost: (why: Error) => void = () => undefined;
  const lost = new Promise<never>((_resolve, reject) => {
    onLost = reject;
  });
  // Who runs the gateway waits for it; at a stop nobody does any more.
  lost.catch(() => undefined);
  return { lost, onLost };
}
