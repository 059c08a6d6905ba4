import { Socket } from 'node:net';
import type { Door, DoorPlace } from '../listener/doors.ts';
import type { FromWorker } from './messages.ts';

/** A worker's side of the doors, which the primary keeps. */
export interface Handover {
  /** One for each kind of door. */
  readonly places: readonly DoorPlace[];
  /** A client was handed over. @param socket undefined where it was lost on its way */
  take(socket: unknown, door: Door['kind']): void;
}

type OnConnection = (socket: Socket) => void;

/** Tells of those who came and left, all of one turn of the event loop together. */
export function createHandover(tell: (message: FromWorker) => void): Handover {
  const doors = new Map<Door['kind'], OnConnection>();
  let came = 0;
  let left = 0;
  const tellSoon = (): void => {
    if (came + left === 0) setImmediate(tellAll);
  };
  const tellAll = (): void => {
    tell({ kind: 'clients', came, left });
    [came, left] = [0, 0];
  };
  const place = (as: Door['kind']): DoorPlace => ({
    kind: 'handed',
    as,
    take: (onConnection) => void doors.set(as, onConnection),
  });
  const leave = (): void => {
    tellSoon();
    left += 1;
  };
  return {
    places: [place('tcp'), place('unix')],
    take: (socket, door) => {
      tellSoon();
      came += 1;
      const onConnection = doors.get(door);
      if (!(socket instanceof Socket) || onConnection === undefined) leave();
      else {
        socket.once('close', leave);
        onConnection(socket);
      }
    },
  };
}
