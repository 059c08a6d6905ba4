import type { Socket } from 'node:net';
import type { Door, DoorPlace } from './doors.ts';

/** A door that another process keeps: who comes in there is handed over. */
export function openHandedDoor(
  { as, take }: DoorPlace & { readonly kind: 'handed' },
  onConnection: (socket: Socket, kind: Door['kind']) => void,
): Door {
  let open = 0;
  let onEmpty = (): void => undefined;
  take((socket) => {
    open += 1;
    socket.once('close', () => {
      open -= 1;
      if (open === 0) onEmpty();
    });
    // As doors.ts has it; noDelay is the socket's own already.
    socket.allowHalfOpen = true;
    onConnection(socket, as);
  });
  return {
    kind: as,
    name: 'another process',
    port: 0,
    close: () =>
      new Promise((resolve) => {
        onEmpty = resolve;
        if (open === 0) resolve();
      }),
  };
}
