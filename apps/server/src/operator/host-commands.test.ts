import { expect, it } from 'vitest';
import { StartError } from '../lifecycle/data-folder.ts';
import { hostUsage, runHostCommand } from './host-commands.ts';

it.each([
  [['update', 'x', '--in-cluster'], 'host update takes no --in-cluster'],
  [['update', 'x', '--region', 'eu', '--in-cluster'], 'host update takes no --in-cluster'],
  [['add', 'x', '--region', 'eu', '--another-cluster'], 'host add takes no --another-cluster'],
  [['list', '--region', 'eu'], 'host list takes no --region'],
  [['drain', 'x', '--max-workspaces', '3'], 'host drain takes no --max-workspaces'],
])('an option that a command would pass over is refused: %j', async (argv, message) => {
  const refused = runHostCommand(argv, { HKS_DATA_DIR: '/nowhere' });
  await expect(refused).rejects.toBeInstanceOf(StartError);
  await expect(refused).rejects.toThrow(message);
});

it('an option of another command is told together with how commands are written', async () => {
  await expect(runHostCommand(['list', '--region', 'eu'], {})).rejects.toThrow(hostUsage);
});
