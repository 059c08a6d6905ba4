/** The foot of a command's help, by the words of the command: at least one line to be copied. */
export function footOf(command: string): string {
  const lines = (EXAMPLES[command] ?? []).map((line) => `  ${line}\n`).join('');
  const permissions = TAKES_PERMISSIONS.includes(command) ? PERMISSIONS : '';
  return `${permissions}\nExamples:\n${lines}`;
}

const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  kapgate: [
    'kapgate users add root --admin',
    'kapgate serve',
    'kapgate -config /etc/kapacitor/kapacitor.conf',
  ],
  serve: ['kapgate serve', 'kapgate serve -config /etc/kapacitor/kapacitor.conf'],
  check: ['kapgate check', 'kapgate --config new.toml check --json'],
  config: ['kapgate config', 'KAPGATE_LOG_LEVEL=debug kapgate config'],
  try: ['kapgate try', 'kapgate try --upstream http://127.0.0.1:9192'],
  users: [
    'kapgate users add root --admin',
    'kapgate users add telegraf --permission write_points:telegraf',
    'kapgate users add dashboard --permission api:read --password-file /run/secret',
    'kapgate users list',
  ],
  'users list': ['kapgate users list', 'kapgate users list --json'],
  'users show': ['kapgate users show stan', 'kapgate users show stan --json'],
  'users add': [
    'kapgate users add root --admin',
    'kapgate users add telegraf --permission write_points:telegraf',
    'kapgate users add dashboard -p api:read -p config_api:read --password-file /run/secret',
  ],
  'users passwd': ['kapgate users passwd stan', 'kapgate users passwd stan --password-stdin < new'],
  'users delete': ['kapgate users delete stan'],
  'users grant': [
    'kapgate users grant stan api:/tasks config_api',
    'kapgate users grant eva admin',
  ],
  'users revoke': ['kapgate users revoke stan config_api', 'kapgate users revoke eva admin'],
  explain: [
    'kapgate explain --user stan GET /kapacitor/v1/config',
    "kapgate explain --user telegraf POST '/write?db=telegraf'",
  ],
  token: ['kapgate token --user ci --expires 15m'],
  hash: ['kapgate hash', 'kapgate hash --cost 12 --password-stdin < password'],
  help: ['kapgate help users add'],
};

const TAKES_PERMISSIONS = ['users add', 'users grant'];

const PERMISSIONS = `
Permissions:
  none                    nothing
  api                     the API, but neither writes nor the configuration
  api:read                only these privileges of it: read, write, delete (a comma list)
  api:/tasks:read,write   only this part of it, with all privileges where none are named
  config_api              the configuration (config_api:read: only look at it)
  write_points            write points to every database
  write_points:telegraf   to this database only
  all                     the API, the configuration and all writes
`;
