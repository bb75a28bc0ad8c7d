import { ensureJson, isJson, items, setDefault, setDefaultOfZero } from '../schema/json.ts';
import type { Json } from '../schema/json.ts';
import { defaultPodTemplate } from './pod-spec.ts';
import { defaultPersistentVolumeClaim } from './storage.ts';

/** Defaults of a Deployment. */
export function defaultDeployment(deployment: Json): void {
  const spec = ensureJson(deployment, 'spec');
  defaultPodTemplate(spec['template']);
  setDefault(spec, 'replicas', 1);
  const strategy = ensureJson(spec, 'strategy');
  setDefaultOfZero(strategy, 'type', 'RollingUpdate');
  if (strategy['type'] === 'RollingUpdate') {
    const rollingUpdate = ensureJson(strategy, 'rollingUpdate');
    setDefault(rollingUpdate, 'maxUnavailable', '25%');
    setDefault(rollingUpdate, 'maxSurge', '25%');
  }
  setDefault(spec, 'revisionHistoryLimit', 10);
  setDefault(spec, 'progressDeadlineSeconds', 600);
}

/** Defaults of a ReplicaSet. */
export function defaultReplicaSet(replicaSet: Json): void {
  const spec = ensureJson(replicaSet, 'spec');
  defaultPodTemplate(spec['template']);
  setDefault(spec, 'replicas', 1);
}

/** Defaults of a DaemonSet. */
export function defaultDaemonSet(daemonSet: Json): void {
  const spec = ensureJson(daemonSet, 'spec');
  defaultPodTemplate(spec['template']);
  const strategy = ensureJson(spec, 'updateStrategy');
  setDefaultOfZero(strategy, 'type', 'RollingUpdate');
  if (strategy['type'] === 'RollingUpdate') {
    const rollingUpdate = ensureJson(strategy, 'rollingUpdate');
    setDefault(rollingUpdate, 'maxUnavailable', 1);
    setDefault(rollingUpdate, 'maxSurge', 0);
  }
  setDefault(spec, 'revisionHistoryLimit', 10);
}

/** Defaults of a StatefulSet. */
export function defaultStatefulSet(statefulSet: Json): void {
  const spec = ensureJson(statefulSet, 'spec');
  defaultPodTemplate(spec['template']);
  setDefaultOfZero(spec, 'podManagementPolicy', 'OrderedReady');
  const strategy = ensureJson(spec, 'updateStrategy');
  if (strategy['type'] === undefined || strategy['type'] === '') {
    strategy['type'] = 'RollingUpdate';
    ensureJson(strategy, 'rollingUpdate');
  }
  const rollingUpdate = strategy['rollingUpdate'];
  if (strategy['type'] === 'RollingUpdate' && isJson(rollingUpdate))
    setDefault(rollingUpdate, 'partition', 0);
  const retention = ensureJson(spec, 'persistentVolumeClaimRetentionPolicy');
  setDefaultOfZero(retention, 'whenDeleted', 'Retain');
  setDefaultOfZero(retention, 'whenScaled', 'Retain');
  setDefault(spec, 'replicas', 1);
  setDefault(spec, 'revisionHistoryLimit', 10);
  for (const claim of items(spec['volumeClaimTemplates'])) {
    setDefault(claim, 'apiVersion', 'v1');
    setDefault(claim, 'kind', 'PersistentVolumeClaim');
    defaultPersistentVolumeClaim(claim);
  }
}
