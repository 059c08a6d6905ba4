import type { CommandNode, OptionNode, Takes } from '../cli/command-tree.ts';

/** What zsh loads to complete `kapgate …`: a function for each command, over zsh's own _arguments. */
export function zshCompletion(tree: CommandNode): string {
  const functions = [tree, ...below(tree)].map((node) => functionFor(node, tree));
  return `#compdef kapgate
# zsh completion for kapgate, made by: kapgate completion zsh

${functions.join('\n')}
# Found by compinit it is called at once; read by source it waits to be called.
if [[ \${funcstack[1]} == _kapgate ]]; then
  _kapgate "$@"
else
  compdef _kapgate kapgate
fi
`;
}

function below(node: CommandNode): readonly CommandNode[] {
  return node.commands.flatMap((each) => [each, ...below(each)]);
}

function functionFor(node: CommandNode, root: CommandNode): string {
  const own = node.options;
  const all = node === root ? own : [...own, ...root.options.filter(({ value }) => value)];
  const specs = all.map(optionSpec);
  return node.commands.length === 0
    ? `${nameOf(node)}() {
  _arguments -S ${[...specs, ...node.arguments.map(argumentSpec)].join(' \\\n    ')}
}
`
    : `${nameOf(node)}() {
  local curcontext=$curcontext state line
  typeset -A opt_args
  _arguments -C -S ${[...specs, "'1: :->command'", "'*:: :->rest'"].join(' \\\n    ')}
  case $state in
    (command)
      local -a commands=(
${node.commands.map((each) => `        ${quoted(`${lastOf(each)}:${each.description.replaceAll(':', '\\:')}`)}\n`).join('')}      )
      _describe -t commands command commands
      ;;
    (rest)
      case $words[1] in
${node.commands.map((each) => `        (${lastOf(each)}) ${nameOf(each)} ;;\n`).join('')}      esac
      ;;
  esac
}
`;
}

function nameOf({ words }: CommandNode): string {
  return words === '' ? '_kapgate' : `_kapgate_${words.replaceAll(' ', '_')}`;
}

function lastOf({ words }: CommandNode): string {
  return words.split(' ').at(-1) ?? '';
}

function optionSpec({ names, description, isMany, value }: OptionNode): string {
  const explained = `[${description.replace(/[[\]\\:]/g, '\\$&')}]`;
  const behind =
    explained + (value === undefined ? '' : `:${value.name}:${actionFor(value.takes)}`);
  // A value stands in the next word, or behind = .
  const typed = names.map((name) =>
    value === undefined ? name : name.startsWith('--') ? `${name}=` : `${name}+`,
  );
  const [first = ''] = typed;
  if (typed.length === 1) return quoted((isMany ? '*' : '') + first + behind);
  const others = isMany ? "'*'" : quoted(`(${names.join(' ')})`);
  return `${others}{${typed.join(',')}}${quoted(behind)}`;
}

function argumentSpec(
  { name, isMany, takes }: CommandNode['arguments'][number],
  at: number,
): string {
  return quoted(`${isMany ? '*' : at + 1}:${name}:${actionFor(takes)}`);
}

function actionFor(takes: Takes): string {
  switch (takes.kind) {
    case 'file':
      return '_files';
    case 'words':
      return `(${takes.words.join(' ')})`;
    case 'anything':
      return ' ';
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
