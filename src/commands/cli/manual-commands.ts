import { Argument } from 'commander';
import type { Command } from 'commander';
import type { CommandNode } from './command-tree.ts';
import type { Run } from './group.ts';

export const MANUAL_EXAMPLES = {
  completion: [
    'source <(kapgate completion bash)',
    'kapgate completion bash > /etc/bash_completion.d/kapgate',
    'kapgate completion zsh > /usr/local/share/zsh/site-functions/_kapgate',
  ],
};

/** What is made of all the other commands. @param tree asked when they are all there */
export function addManualCommands(program: Command, run: Run, tree: () => CommandNode): void {
  program
    .command('completion')
    .description('print what a shell loads to complete commands, options, values and file names')
    .addArgument(new Argument('<shell>', 'which one').choices(['bash', 'zsh']))
    .action((shell: string) =>
      run(async (context) =>
        (await import('../manual/manual.ts')).completion(context, shell, tree()),
      ),
    );
  program
    .command('manual', { hidden: true })
    .description('write man pages and completions: npm run manual')
    .argument('<directory>')
    .action((directory: string) =>
      run(async (context) =>
        (await import('../manual/manual.ts')).writeManual(context, directory, tree()),
      ),
    );
}
