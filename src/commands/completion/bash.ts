import type { CommandNode, OptionNode, Takes } from '../cli/command-tree.ts';

/**
 * What bash loads to complete `kapgate …`. All that it offers stands in it: nothing is started when somebody presses
 * Tab, which takes a Node half a second.
 */
export function bashCompletion(tree: CommandNode): string {
  const nodes = [tree, ...below(tree)];
  return `# bash completion for kapgate, made by: kapgate completion bash

# What can follow the words of a command.
_kapgate_at() {
  commands='' options='' places=() many=''
  case $1 in
${nodes.map(nodeCase).join('')}  esac
}

# What an option of a command takes; fails where it takes nothing.
_kapgate_takes() {
  case "$1 $2" in
${nodes.flatMap((node) => node.options.flatMap((option) => optionCase(node, option, tree))).join('')}    *) return 1 ;;
  esac
}
${WALK}`;
}

function below(node: CommandNode): readonly CommandNode[] {
  return node.commands.flatMap((each) => [each, ...below(each)]);
}

function nodeCase(node: CommandNode): string {
  const commands = node.commands.map(({ words }) => words.split(' ').at(-1) ?? '');
  const options = node.options.flatMap(({ names }) => names);
  const places = node.arguments.map(({ takes }) => quoted(wordOf(takes)));
  const many = node.arguments.at(-1)?.isMany === true ? ' many=1' : '';
  return (
    `    ${quoted(node.words)}) commands=${quoted(commands.join(' '))} ` +
    `options=${quoted(options.join(' '))} places=(${places.join(' ')})${many} ;;\n`
  );
}

/** Options of kapgate itself stand behind each command too. */
function optionCase(node: CommandNode, { names, value }: OptionNode, root: CommandNode): string[] {
  if (value === undefined) return [];
  const typed = names.flatMap((name) => (name === '--config' ? [name, '-config'] : [name]));
  const patterns = typed.map((name) => (node === root ? `*' ${name}'` : `'${node.words} ${name}'`));
  return [`    ${patterns.join('|')}) takes=${quoted(wordOf(value.takes))} ;;\n`];
}

function wordOf(takes: Takes): string {
  switch (takes.kind) {
    case 'file':
      return '@file';
    case 'words':
      return takes.words.join(' ');
    case 'anything':
      return '';
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const WALK = `
_kapgate() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  local at='' place=0 takes='' index word commands options places many
  COMPREPLY=()
  # bash makes three words of --option=value.
  if [[ $current == '=' ]]; then
    current=''
  elif [[ $previous == '=' ]]; then
    previous=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  _kapgate_at ''
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    if [[ $word == -* ]]; then
      if _kapgate_takes "$at" "$word"; then
        [[ \${COMP_WORDS[index + 1]} == '=' ]] && ((index++))
        ((index++))
      fi
    elif [[ " $commands " == *" $word "* ]]; then
      at="\${at:+$at }$word"
      _kapgate_at "$at"
    else
      ((place++))
    fi
  done
  if [[ $previous == -* ]] && _kapgate_takes "$at" "$previous"; then
    _kapgate_offer "$takes"
  elif [[ $current == -* ]]; then
    _kapgate_at ''
    word=$options
    _kapgate_at "$at"
    _kapgate_offer "$options $word"
  elif [[ -n $commands && $place == 0 ]]; then
    _kapgate_offer "$commands"
  else
    [[ -n $many && $place -ge \${#places[@]} ]] && place=$((\${#places[@]} - 1))
    _kapgate_offer "\${places[place]}"
  fi
}

_kapgate_offer() {
  if [[ $1 == '@file' ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current" | sort -u)
  fi
}

complete -F _kapgate kapgate
`;
