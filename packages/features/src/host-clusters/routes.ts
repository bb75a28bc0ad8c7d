import { hostCluster } from '@hexabase/contract/platform/host-cluster.ts';
import { bind } from '../run/use-case.ts';
import { addHostCluster } from './add.ts';
import { checkHostCluster } from './check.ts';
import { getHostCluster } from './get.ts';
import { listHostClusters } from './list.ts';
import { removeHostCluster } from './remove.ts';
import { cordonHostCluster, drainHostCluster, uncordonHostCluster } from './state.ts';
import { updateHostCluster } from './update.ts';

const { operations } = hostCluster;

export const hostClusterRoutes = [
  bind(operations.list, listHostClusters),
  bind(operations.add, addHostCluster),
  bind(operations.get, getHostCluster),
  bind(operations.update, updateHostCluster),
  bind(operations.cordon, cordonHostCluster),
  bind(operations.uncordon, uncordonHostCluster),
  bind(operations.drain, drainHostCluster),
  bind(operations.check, checkHostCluster),
  bind(operations.remove, removeHostCluster),
];
