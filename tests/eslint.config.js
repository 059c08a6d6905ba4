import { fileURLToPath } from 'node:url';
import tseslint from 'typescript-eslint';

/**
 * What each room of src/ may import beside kernel and its own files: imports only point right along
 * main → commands → gateway → rooms → kernel.
 */
const ROOMS = {
  kernel: [],
  config: [],
  credentials: [],
  authorize: [],
  authenticate: ['credentials/credentials'],
  users: ['authenticate/directory', 'authenticate/password-rule', 'authorize/permissions'],
  meta: ['authenticate/directory', 'authenticate/generations', 'authorize/meta-permissions'],
  proxy: [],
  http: [],
  listener: [
    'http/client-connection',
    'http/date',
    'credentials/credentials',
    'authenticate/authenticate',
    'authorize/authorize',
    'authorize/requirements',
  ],
  observe: [],
};

/** Each package is imported by one file of ours, or by the files of one folder. */
const PACKAGES = {
  bcrypt: 'src/authenticate/hashing-thread.js',
  jose: 'src/authenticate/signed-token.ts',
  'rate-limiter-flexible': 'src/authenticate/counters.ts',
  'prom-client': 'src/observe/metrics.ts',
  lmdb: 'src/users/database.ts',
  'node-cache': 'src/authenticate/generations.ts',
  'smol-toml': 'src/config/toml.ts',
  commander: 'src/commands/cli/',
  got: 'src/meta/http.ts',
  winston: 'src/kernel/log.ts',
  yaml: 'src/users/import/vmauth.ts',
};

const roomRules = Object.entries(ROOMS).map(([room, allowed]) => {
  const others = [...Object.keys(ROOMS), 'commands', 'cluster', 'gateway', 'wiring', 'main'].filter(
    (other) => other !== room && other !== 'kernel',
  );
  return {
    files: [`src/${room}/**/*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              // From the folders of a room too.
              regex: `^(?:\\.\\./)+(?!kernel/|(?:${['-', ...allowed].join('|')})\\.ts$)(?:${others.join('|')})`,
              message: `${room} may import kernel${allowed.map((each) => `, ${each}`).join('')}, and its own files.`,
            },
            ...packageRules(`src/${room}/`),
          ],
        },
      ],
    },
  };
});

function packageRules(prefix) {
  return Object.entries(PACKAGES)
    .filter(([, file]) => !file.startsWith(prefix))
    .map(([name, file]) => ({ group: [name], message: `Only ${file} imports ${name}.` }));
}

/** The commands may import every room, and no package but the one of the command line. */
const commandRules = [
  { files: ['src/commands/**/*.ts'], own: 'none' },
  { files: ['src/commands/cli/**/*.ts'], own: 'src/commands/cli/' },
].map(({ files, own }) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns: packageRules(own) }] },
}));

export default tseslint.config(
  { ignores: ['dist/**'] },
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        project: fileURLToPath(new URL('tsconfig.json', import.meta.url)),
      },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: false },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'max-lines': ['error', { max: 250, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  ...roomRules,
  ...commandRules,
  {
    files: ['src/**/*.ts'],
    ignores: ['src/main.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'process', message: 'Only main.ts touches process.' },
      ],
    },
  },
  {
    // winston declares its transports as interfaces beside the class that they extend.
    files: ['src/kernel/log.ts'],
    rules: { '@typescript-eslint/no-unsafe-class-instance-assignment': 'off' },
  },
  {
    files: ['tests/**/*.ts', 'tests/**/*.js', 'bench/**/*.js', 'packaging/**/*.js'],
    rules: {
      'max-lines': 'off',
      'max-lines-per-function': 'off',
      'no-console': 'off',
    },
  },
  { files: ['**/*.js'], ...tseslint.configs.disableTypeChecked },
);
