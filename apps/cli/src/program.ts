import { Argument, Command } from 'commander';
import type { Cli } from './cli.ts';
import { addAccessExplain } from './commands/access-explain.ts';
import { addAuditExport } from './commands/audit-export.ts';
import { addKubeCredential } from './commands/kube-credential.ts';
import { addKubeconfig } from './commands/kubeconfig.ts';
import { addLogin } from './commands/login.ts';
import { addOperationGet } from './commands/operation-get.ts';
import { addRoleRules } from './commands/role-rules.ts';
import { addSessions } from './commands/sessions.ts';
import { addUse } from './commands/use.ts';
import { addWhy } from './commands/why.ts';
import { addWorkspaceClone } from './commands/workspace-clone.ts';
import { addWorkspaceCreate } from './commands/workspace-create.ts';
import { addWorkspaceDelete } from './commands/workspace-delete.ts';
import { addWorkspaceSleep } from './commands/workspace-sleep.ts';
import { completionScript, shells, type Shell } from './completion.ts';
import { addResourceCommands } from './resource-commands.ts';

/** Words that the launcher hands to other programs; listed here so that `hks --help` shows them. */
export const launcherVerbs = [
  { name: 'up', help: 'Starts everything on this machine and prints where it is.' },
  { name: 'down', help: 'Stops what `hks up` started.' },
  { name: 'status', help: 'Tells whether it runs, and where.' },
  { name: 'test', help: 'Runs the tests that need no host cluster; `test host` those that do.' },
  { name: 'check', help: 'Format, lint, types, architecture, dead code, freshness.' },
  { name: 'bench', help: 'Runs the benchmarks.' },
  { name: 'kubernetes', help: '`kubernetes serve`: only a Kubernetes API, simulated nodes, nothing else.' },
] as const;

/** The whole command line `hks`. */
export function createProgram(cli: Cli): Command {
  const program = new Command('hks')
    .description('Hexabase AI: isolated Kubernetes environments for teams.')
    .version('0.1.0')
    .showSuggestionAfterError()
    .showHelpAfterError('(add --help for usage)');
  for (const verb of launcherVerbs) program.command(verb.name).description(verb.help);
  addLogin(program, cli);
  addUse(program, cli);
  addSessions(program, cli);
  addWorkspaceCreate(program, cli);
  addWorkspaceClone(program, cli);
  addWorkspaceDelete(program, cli);
  addWorkspaceSleep(program, cli);
  addOperationGet(program, cli);
  addResourceCommands(program, cli);
  addRoleRules(program, cli);
  addAccessExplain(program, cli);
  addAuditExport(program, cli);
  addKubeconfig(program, cli);
  addKubeCredential(program, cli);
  addWhy(program, cli);
  addCompletion(program, cli);
  return program;
}

function addCompletion(program: Command, cli: Cli): void {
  program
    .command('completion')
    .description(
      'Prints a script that completes commands and options, for example `eval "$(hks completion bash)"`.',
    )
    .addArgument(new Argument('<shell>').choices(shells))
    .action((shell: Shell) => cli.print(completionScript(program, shell)));
}
