import type { Config } from '../config/config.ts';
import type { Door, DoorPlace } from '../listener/doors.ts';

/**
 * Opens where a configuration says that connections come in.
 * @param inherited sockets that somebody else opened: each takes the place of the key of its kind
 * @param listen opens doors, and resolves with all that are open then
 */
export async function openPlaces(
  config: Config,
  inherited: readonly DoorPlace[],
  listen: (places: readonly DoorPlace[]) => Promise<readonly Door[]>,
): Promise<readonly Door[]> {
  const given = await listen(inherited);
  const kinds = given.map(({ kind }) => kind);
  return listen(placesIn(config).filter(({ kind }) => !kinds.includes(kind)));
}

function placesIn({ http }: Config): readonly (DoorPlace & Pick<Door, 'kind'>)[] {
  const { bindAddress, unixSocket } = http;
  return [
    { kind: 'tcp', ...bindAddress },
    ...(unixSocket === '' ? [] : [{ kind: 'unix' as const, path: unixSocket }]),
  ];
}
