import { describe, expect, test } from '@jest/globals';
import { credentialOf } from '../../src/config/credentials.ts';
import { DEFAULTS, KEYS } from '../../src/config/defaults.ts';
import { read } from '../docs/tree.ts';

/** The values of a setting in a unit, one a line. */
function settings(unit: string, name: string): readonly string[] {
  return [...read(unit).matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(
    ([, value = '']) => value,
  );
}

describe('systemd/kapgate.service.d/credentials.conf', () => {
  test('has a line for each secret of the configuration, none of them in force', () => {
    const unit = 'systemd/kapgate.service.d/credentials.conf';
    const lines = settings(unit, '#LoadCredential').map((value) => value.split(':')[0]);
    const secrets = KEYS.filter(({ kind }) => kind.secret).map(credentialOf);
    expect(lines.toSorted()).toEqual(secrets.toSorted());
    expect(settings(unit, 'LoadCredential')).toEqual([]);
  });
});

describe('systemd/kapacitor.service.d/kapgate.conf', () => {
  test('puts Kapacitor where the gateway looks for it, and its subscriptions where the gateway is', () => {
    const environment = settings('systemd/kapacitor.service.d/kapgate.conf', 'Environment');
    expect(environment).toEqual([
      `KAPACITOR_HTTP_BIND_ADDRESS=${new URL(String(DEFAULTS.upstream.url.default)).host}`,
      `KAPACITOR_INFLUXDB_0_HTTP_PORT${String(DEFAULTS.http.bindAddress.default).replace(':', '=')}`,
    ]);
  });

  test('is in an order with the gateway that has no circle', () => {
    expect(settings('systemd/kapgate.service', 'After').join(' ')).toContain('kapacitor.service');
    expect(settings('systemd/kapacitor.service.d/kapgate.conf', 'Before')).toEqual([
      'kapgate.service',
    ]);
  });
});

describe('the user and the directories of the service', () => {
  const service = 'systemd/kapgate.service';

  test('sysusers.d makes the user of the unit, with the home and shell that the Debian package gives it', () => {
    const [user, , home, shell] =
      /^u (\w+) - "([^"]+)" (\S+) (\S+)$/m.exec(read('systemd/sysusers.conf'))?.slice(1) ?? [];
    expect(settings(service, 'User')).toEqual([user]);
    expect(settings(service, 'Group')).toEqual([user]);
    expect(read('packaging/debian/postinst')).toContain(
      `--home ${home} --shell ${shell} ${user}\n`,
    );
  });

  test.each([
    ['StateDirectory', '/var/lib/'],
    ['LogsDirectory', '/var/log/'],
  ])('tmpfiles.d, the Debian package and %s= make the same directory', (name, parent) => {
    const [directory = ''] = settings(service, name);
    const [mode = ''] = settings(service, `${name}Mode`);
    const path = `${parent}${directory}`;
    expect(read('systemd/tmpfiles.conf')).toContain(`\nd ${path} ${mode} kapgate kapgate\n`);
    expect(read('packaging/debian/postinst')).toContain(`directory kapgate ${mode} ${path}\n`);
  });
});
