import { createThrottle } from '../authenticate/throttle.ts';
import type { Config } from '../config/config.ts';
import { createGateway } from '../gateway.ts';
import type { Gateway } from '../gateway.ts';
import { messageOf } from '../kernel/errors.ts';
import { createLog } from '../kernel/log.ts';
import type { Log, LogSurroundings } from '../kernel/log.ts';
import { createProcessMetrics } from '../observe/metrics.ts';
import type { ProcessMetrics } from '../observe/metrics.ts';
import type { Prepared } from '../wiring/succession.ts';
import type { ConfigTexts } from './config-texts.ts';
import { createHandover } from './handover.ts';
import type { Handover } from './handover.ts';
import type { Answer, Beginning, FromWorker, Question, ToWorker } from './messages.ts';
import { shareOf } from './share.ts';
import { createSharedThrottle } from './shared-throttle.ts';
import type { SharedThrottle } from './shared-throttle.ts';

interface Surroundings {
  readonly tell: (message: FromWorker) => void;
  readonly load: (texts: ConfigTexts) => Config;
  /** Of this program. */
  readonly version: string;
  readonly output: LogSurroundings;
}

interface Parts extends Pick<Surroundings, 'tell' | 'load'> {
  readonly log: Log;
  readonly throttle: SharedThrottle;
  readonly handover: Handover;
  readonly gateway: Gateway;
}

/** Rejects where a part cannot be made. */
export async function openWorker(
  { texts, workers, startedMs }: Beginning,
  { tell, load: loadWhole, version, output }: Surroundings,
): Promise<Worker> {
  const load: Surroundings['load'] = (each) => shareOf(loadWhole(each), workers);
  const config = load(texts);
  const log = createLog(config.log, output);
  const throttle = createSharedThrottle(tell);
  const gateway = await createGateway(config, {
    log,
    version,
    now: Date.now,
    startedMs,
    workers,
    openThrottle: (limit) => (limit.count === 0 ? createThrottle(limit) : throttle),
  });
  return new Worker({ tell, load, log, throttle, handover: createHandover(tell), gateway });
}

/** A gateway without doors: it serves whom it is handed. */
export class Worker {
  readonly #tell: Parts['tell'];
  readonly #load: Parts['load'];
  readonly #log: Log;
  readonly #throttle: SharedThrottle;
  readonly #handover: Handover;
  readonly #gateway: Gateway;
  #processMetrics: ProcessMetrics | undefined;
  #prepared: Prepared | undefined;

  constructor({ tell, load, log, throttle, handover, gateway }: Parts) {
    this.#tell = tell;
    this.#load = load;
    this.#log = log;
    this.#throttle = throttle;
    this.#handover = handover;
    this.#gateway = gateway;
  }

  async start(): Promise<void> {
    await this.#gateway.start(this.#handover.places);
    this.#tell({ kind: 'ready' });
  }

  /** @param socket that came with the message */
  hear(message: ToWorker, socket: unknown): void {
    switch (message.kind) {
      case 'connection':
        this.#handover.take(socket, message.door);
        return;
      case 'attempt':
        this.#throttle.hear(message);
        return;
      case 'question':
        void this.#answer(message.question).then((answer) => {
          this.#tell({ kind: 'answer', id: message.id, answer });
        });
        return;
      case 'drop':
        void this.#prepared?.drop();
        this.#prepared = undefined;
        return;
      case 'reopen':
        void this.#reopen();
        return;
      case 'begin':
      case 'stop':
        throw new Error(`BUG: a worker that serves was told to ${message.kind}`);
    }
  }

  /** Lets requests end. @param isAlone the primary is gone */
  async stop(isAlone: boolean): Promise<void> {
    if (isAlone) this.#throttle.end();
    await this.#gateway.stop();
    await this.#log.close();
  }

  async #answer(question: Question): Promise<Answer> {
    switch (question.to) {
      case 'report': {
        const { meters, figures, auditDropped } = this.#gateway.counted();
        this.#processMetrics ??= createProcessMetrics();
        const process = await this.#processMetrics.own();
        const value = { meters: meters.snapshot(), figures, auditDropped, process };
        return { to: 'report', value };
      }
      case 'look':
        return { to: 'look', value: await this.#gateway.readiness() };
      case 'prepare':
        return {
          to: 'prepare',
          value: await attempt(async () => {
            this.#prepared = await this.#gateway.prepare(this.#load(question.texts));
          }),
        };
      case 'commit':
        return {
          to: 'commit',
          value: await attempt(() => {
            this.#prepared?.commit();
            this.#prepared = undefined;
          }),
        };
    }
  }

  async #reopen(): Promise<void> {
    const { failure } = await attempt(() => this.#log.reopen());
    if (failure !== undefined) this.#log.error(failure);
    this.#gateway.reopenFiles();
  }
}

async function attempt(
  act: () => void | Promise<void>,
): Promise<{ readonly failure: string | undefined }> {
  try {
    await act();
    return { failure: undefined };
  } catch (error) {
    return { failure: messageOf(error) };
  }
}
