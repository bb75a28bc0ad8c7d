import type { Command } from 'commander';
import { createCli } from '../../apps/cli/src/cli.ts';
import { createProgram } from '../../apps/cli/src/program.ts';

/** `docs/generated/cli.md`: the help of every command. */
export function commandReference(): string {
  const environment = {
    configFile: '',
    context: null,
    token: null,
    server: null,
    launcher: 'hks',
    parentPid: 0,
    isTerminal: false,
    browser: null,
  };
  const program = createProgram(createCli(environment, AbortSignal.abort()));
  return `# Command line reference\n\n${sections(program, []).join('\n\n')}`;
}

function sections(command: Command, parents: readonly string[]): string[] {
  const path = [...parents, command.name()];
  command.configureHelp({ helpWidth: 100 });
  const own = `## ${path.join(' ')}\n\n\`\`\`\n${command.helpInformation().trimEnd()}\n\`\`\``;
  const visible = command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== 'help');
  return [own, ...visible.flatMap((child) => sections(child, path))];
}
