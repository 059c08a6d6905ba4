import { messageOf } from '../../kernel/errors.ts';
import { ask } from './ask.ts';
import type { Answer, AskOptions } from './ask.ts';
import { fault, ok, unseen, warning } from './finding.ts';
import type { Finding } from './finding.ts';
import { upstreamListeners } from './patient.ts';
import type { Patient } from './patient.ts';

/** Tokens begin to fail at such a distance. */
const MAX_SKEW_MS = 30_000;
const UNAUTHORIZED = 401;

/** Whether Kapacitor answers, without asking for credentials, and by the same clock. */
export async function kapacitorFindings(
  patient: Patient,
  options: AskOptions,
): Promise<readonly Finding[]> {
  const { url } = patient.loaded.config.upstream;
  const before = patient.machine.now();
  let answer: Answer;
  try {
    answer = await ask(`${url}/kapacitor/v1/ping`, options);
  } catch (error) {
    if (refusesUs(patient)) {
      return [unseen('kapacitor', `${url}: this user is not let through to it`, 'run it as root')];
    }
    return [
      fault('kapacitor', {
        what: `${url} does not answer: ${messageOf(error)}`,
        why: 'the gateway has nothing to forward to, and what follows could not be asked',
        fix: 'start kapacitord there, or set [upstream] url to where it is',
      }),
    ];
  }
  const now = (before + patient.machine.now()) / 2;
  return [authentication(url, answer), clock(answer.date, now)];
}

/** The firewall that belongs to the gateway lets only root and the gateway through. */
function refusesUs(patient: Patient): boolean {
  const { uid } = patient.machine;
  return uid !== 0 && uid !== patient.gatewayUid && upstreamListeners(patient).length > 0;
}

function authentication(url: string, { status, kapacitorVersion }: Answer): Finding {
  if (status === UNAUTHORIZED) {
    return fault('kapacitor', {
      what: `${url} asks for credentials itself`,
      why: 'the gateway sends none on: whatever it lets through is refused there',
      fix: 'in kapacitor.conf, [http] auth-enabled = false and [auth] enabled = false; restart kapacitor',
    });
  }
  return kapacitorVersion === undefined
    ? warning('kapacitor', {
        what: `${url} answers (${status}), but not as Kapacitor does`,
        why: 'the gateway may stand before another program',
        fix: 'set [upstream] url to where kapacitord listens',
      })
    : ok(
        'kapacitor',
        `${url} is Kapacitor ${kapacitorVersion} and leaves authentication to the gate`,
      );
}

function clock(date: number | undefined, now: number): Finding {
  if (date === undefined) return ok('clock', 'Kapacitor does not say its time');
  // The Date header has whole seconds.
  const skewMs = Math.abs(now - date - 500);
  const seconds = Math.round(skewMs / 1000);
  return skewMs <= MAX_SKEW_MS
    ? ok('clock', 'this machine and Kapacitor’s go by the same time')
    : warning('clock', {
        what: `the clocks of this machine and of Kapacitor’s are ${seconds} seconds apart`,
        why: 'tokens expire too early or too late, and the times of points and of logs don’t meet',
        fix: 'set both by NTP: timedatectl set-ntp true',
      });
}
