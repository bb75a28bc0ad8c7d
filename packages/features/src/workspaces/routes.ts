import { workspace } from '@hexabase/contract/workspace.ts';
import { bind } from '../run/use-case.ts';
import { cloneWorkspace } from './life-cycle/clone.ts';
import { createWorkspace } from './create.ts';
import { deleteWorkspace } from './delete.ts';
import { getWorkspace } from './get.ts';
import { mintKubeToken } from './kube-token.ts';
import { kubeconfig } from './kubeconfig.ts';
import { listWorkspaces } from './list.ts';
import { restoreWorkspace } from './life-cycle/restore.ts';
import { retryWorkspace } from './life-cycle/retry.ts';
import { sleepWorkspace, tellSleepEnds, wakeWorkspace } from './life-cycle/sleep.ts';
import { updateWorkspace } from './update.ts';
import { upgradeWorkspace } from './life-cycle/upgrade.ts';

const { operations } = workspace;

export const workspaceRoutes = [
  bind(operations.list, listWorkspaces),
  bind(operations.create, createWorkspace),
  bind(operations.clone, cloneWorkspace),
  bind(operations.get, getWorkspace),
  bind(operations.update, updateWorkspace),
  bind(operations.delete, deleteWorkspace),
  bind(operations.restore, restoreWorkspace),
  bind(operations.sleepEnds, tellSleepEnds),
  bind(operations.sleep, sleepWorkspace),
  bind(operations.wake, wakeWorkspace),
  bind(operations.upgrade, upgradeWorkspace),
  bind(operations.retry, retryWorkspace),
  bind(operations.kubeconfig, kubeconfig),
  bind(operations.kubeToken, mintKubeToken),
];
