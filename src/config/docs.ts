import { credentialOf } from './credentials.ts';
import { KEYS, SECTIONS } from './defaults.ts';
import { namesOf } from './environment.ts';
import type { Key } from './key.ts';
import { tomlOf } from './settings.ts';

const HEAD = `# Configuration

<!-- Made by \`npm run docs\` from src/config: changes belong there. -->

Kapgate reads one TOML file: that of \`--config FILE\` (\`-config FILE\` as for kapacitord), else that of
\`$KAPGATE_CONFIG\`, else \`./gateway.toml\`, else \`/etc/kapgate/gateway.toml\`, else none. All keys have defaults;
[gateway.toml](../gateway.toml) shows them. \`kapgate config\` prints what is in effect, and who said it.

What is wrong is told all at once, with the key, what was found, and what is allowed. Nothing starts before it is
right. It is read at the start, and again at SIGHUP ([operations.md](operations.md#reload-and-restart)).

## Who wins

From weak to strong: the default, the file, a \`KAPACITOR_\` variable, a systemd credential, a \`KAPGATE_\` variable.

- Every key has a variable \`KAPGATE_SECTION_KEY\`. One that is set counts even if it is empty. Lists are parted by
  commas; \`1\`, \`t\`, \`true\` and \`0\`, \`f\`, \`false\` are the words of a switch.
- The keys of \`[http]\` and \`[auth]\` also have the \`KAPACITOR_\` variables of Kapacitor, because kapacitord may share
  the environment. An empty one is not set. \`KAPACITOR_HTTP_BIND_ADDRESS\` is ignored: Kapacitor listens there.
- A secret can stand in a file of its own, named by \`KEY-file\` beside its key or by a variable that ends in \`_FILE\`,
  or come as a systemd credential (\`LoadCredential=http-shared-secret:/path\`). One line end behind it is dropped; an
  empty or missing file is an error. Paths are relative to the working directory.
- A file with a secret that every user of the host can read or write is refused, by every command: \`chmod 0640\` and
  \`chgrp kapgate\` mend it. So is a gateway.toml in which a secret stands, and the private key of a certificate. What lies in
  a directory that others cannot enter is no fault. A container's secrets often come with mode 0444: say \`mode: 0440\` (Docker)
  or \`defaultMode: 0440\` (Kubernetes). Of a kapacitor.conf with a secret it is only a warning.
- Durations are written as in Go: \`10s\`, \`1h30m\`, \`1.5h\`, \`500ms\`; only \`0\` needs no unit.

## Open and closed

The gate is closed unless both \`[http] auth-enabled = false\` and \`[auth] enabled = false\` are said in the gateway's
own file or by \`KAPGATE_\` variables. \`auth-enabled = false\` alone is the bootstrap of Kapacitor's documentation: all
is refused but the making of the first admin. \`auth-enabled = true\` with \`enabled = false\` is an error.

What is said to Kapacitor, in a kapacitor.conf or a \`KAPACITOR_\` variable, can close the gate, but never open it: such a
\`false\` is not taken, and a warning says so. The same holds for the other keys that would let more through:
\`ping-auth-enabled = false\`, \`observe = true\`, \`bootstrap = true\`.

## Loading a kapacitor.conf

A file named by \`--config\` or \`$KAPGATE_CONFIG\` is read as a kapacitor.conf if it has none of the gateway's own sections
and has one of Kapacitor's (\`[[influxdb]]\`, \`[replay]\`, \`data_dir\`, …), or a name like \`kapacitor.toml\` or \`*.conf\`, or
\`write-tracing\` or \`pprof-enabled\` below \`[http]\`. Its \`[http]\` and \`[auth]\` are read; the rest is ignored, and a
warning lists it. With \`[auth] enabled = false\`, as in the file that comes with Kapacitor, its \`meta-\` keys are ignored.
`;

/** The text of docs/configuration.md, as prettier leaves it. */
export function renderDocs(): string {
  return (
    HEAD + SECTIONS.map((section) => `\n## \`[${section}]\`\n${renderSection(section)}`).join('')
  );
}

function renderSection(section: string): string {
  return KEYS.filter((key) => key.section === section)
    .map(renderKey)
    .join('');
}

function renderKey(key: Key<unknown>): string {
  const variables = namesOf(key).map((name) => `\`${name}\``);
  const secret = key.kind.secret
    ? `- From a file: \`${key.name}-file\`; systemd credential: \`${credentialOf(key)}\`\n`
    : '';
  return (
    `\n### \`[${key.section}] ${key.name}\`\n\n${key.meaning}\n\n` +
    `- Default: \`${tomlOf(key.default)}\`\n- Allowed: ${key.kind.allowed}\n` +
    `- Variables: ${variables.join(', ')}\n${secret}`
  );
}
