import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folders, imageNames } from '../settings.ts';

const namespace = 'local-path-storage';
const serviceAccount = 'local-path-provisioner-service-account';
const configMap = 'local-path-config';

const helperPod = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'helper-pod' },
  spec: {
    priorityClassName: 'system-node-critical',
    tolerations: [{ operator: 'Exists' }],
    containers: [{ name: 'helper-pod', image: imageNames.busybox, imagePullPolicy: 'IfNotPresent' }],
  },
});

function settings(volumes: string): Record<string, string> {
  return {
    'config.json': JSON.stringify({
      nodePathMap: [{ node: 'DEFAULT_PATH_FOR_NON_LISTED_NODES', paths: [volumes] }],
    }),
    setup: '#!/bin/sh\nset -eu\nmkdir -m 0777 -p "$VOL_DIR"\n',
    teardown: '#!/bin/sh\nset -eu\nrm -rf "$VOL_DIR"\n',
    'helperPod.yaml': helperPod,
  };
}

/** The default storage class: folders of this machine, bound when the first pod is placed. */
export function storageObjects(volumes: string): readonly object[] {
  return [
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: {
        name: 'local-path',
        annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
      },
      provisioner: 'rancher.io/local-path',
      volumeBindingMode: 'WaitForFirstConsumer',
      reclaimPolicy: 'Delete',
    },
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: serviceAccount, namespace } },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: configMap, namespace },
      data: settings(volumes),
    },
  ];
}

/** The provisioner runs beside the control plane, not as a pod. */
export function provisionerCommand(pki: string, volumes: string): readonly string[] {
  const { 'config.json': config = '', 'helperPod.yaml': pod = '' } = settings(volumes);
  const configPath = join(folders.run, 'local-path.json');
  const podPath = join(folders.run, 'local-path-helper.yaml');
  writeFileSync(configPath, config);
  writeFileSync(podPath, pod);
  return [
    join(folders.binaries, 'local-path-provisioner'),
    'start',
    `--kubeconfig=${pki}/admin.kubeconfig`,
    `--config=${configPath}`,
    `--namespace=${namespace}`,
    `--service-account-name=${serviceAccount}`,
    `--configmap-name=${configMap}`,
    `--helper-image=${imageNames.busybox}`,
    `--helper-pod-file=${podPath}`,
  ];
}
