import type { Command } from 'commander';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** What may follow a command: its subcommands and its long options. */
interface Choice {
  /** `hks workspace create`. */
  path: string;
  words: string[];
  /** Arguments may follow, so that what was typed is longer than the path. */
  isLeaf: boolean;
}

/**
 * A script that completes commands and options of a program. It is static: completing starts no program. It holds only
 * names of commands and options, which are letters and dashes.
 */
export function completionScript(program: Command, shell: Shell): string {
  const choices = choicesOf(program, []);
  switch (shell) {
    case 'bash':
      return bash(choices);
    case 'zsh':
      return `autoload -U +X bashcompinit && bashcompinit\n${bash(choices)}`;
    case 'fish':
      return fish(choices);
  }
}

function choicesOf(command: Command, parents: readonly string[]): Choice[] {
  const path = [...parents, command.name()];
  const help = command.createHelp();
  const children = help.visibleCommands(command).filter((child) => child.name() !== 'help');
  const options = help.visibleOptions(command).flatMap((option) => option.long ?? []);
  const own = {
    path: path.join(' '),
    words: [...children.map((child) => child.name()), ...options],
    isLeaf: children.length === 0,
  };
  return [own, ...children.flatMap((child) => choicesOf(child, path))];
}

function bash(choices: readonly Choice[]): string {
  const cases = choices.map(
    ({ path, words, isLeaf }) => `    '${path}'${isLeaf ? '*' : ''}) words='${words.join(' ')}' ;;`,
  );
  return [
    '_hks() {',
    '  local path=hks words= word',
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    '    case $word in -*) ;; *) path="$path $word" ;; esac',
    '  done',
    '  case $path in',
    ...cases,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
    '}',
    'complete -o default -F _hks hks',
  ].join('\n');
}

function fish(choices: readonly Choice[]): string {
  const lines = choices.flatMap(({ path, words }) => {
    const [, ...typed] = path.split(' ');
    const condition =
      typed.length === 0
        ? '__fish_use_subcommand'
        : typed.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
    return words.map((word) =>
      word.startsWith('--')
        ? `complete -c hks -n '${condition}' -l ${word.slice(2)}`
        : `complete -c hks -n '${condition}' -f -a ${word}`,
    );
  });
  return lines.join('\n');
}
