import type { Namespace } from '../../objects.ts';
import type { KubeObject } from '../../types.ts';
import type { Context, Controller } from '../controller.ts';
import { isNamespaceTerminating, isStatus } from '../shared/pods.ts';

const CONFIG_MAP = 'kube-root-ca.crt';
const ACCOUNT = 'default';
const DESCRIPTION =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}

/** Keeps the `default` ServiceAccount and the `kube-root-ca.crt` ConfigMap in every namespace; restores what is deleted or changed. */
export const serviceAccountController: Controller = {
  name: 'service-account',
  watches: [
    { resource: '/namespaces', keys: ({ object, deleted }) => (deleted ? [] : [object.metadata.name]) },
    {
      resource: '/serviceaccounts',
      keys: ({ object, deleted }) =>
        deleted && object.metadata.name === ACCOUNT ? [object.metadata.namespace ?? ''] : [],
    },
    {
      resource: '/configmaps',
      keys: ({ object, previous, deleted }) =>
        object.metadata.name === CONFIG_MAP && (deleted || previous) ? [object.metadata.namespace ?? ''] : [],
    },
  ],
  async reconcile(name, context) {
    const namespace = context.client.get<Namespace>('/namespaces', '', name);
    if (!namespace || namespace.metadata.deletionTimestamp) return;
    try {
      await ensureAccount(context, name);
      await ensureAuthority(context, name);
    } catch (error) {
      if (!isNamespaceTerminating(error) && !isStatus(error, 'AlreadyExists')) throw error;
    }
  },
};

async function ensureAccount(context: Context, namespace: string): Promise<void> {
  if (context.client.get('/serviceaccounts', namespace, ACCOUNT)) return;
  await context.client.create('/serviceaccounts', {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: ACCOUNT, namespace },
  });
}

async function ensureAuthority(context: Context, namespace: string): Promise<void> {
  const wanted = { 'ca.crt': context.caCertificate };
  const existing = context.client.get<ConfigMap>('/configmaps', namespace, CONFIG_MAP);
  if (existing?.data?.['ca.crt'] === context.caCertificate && Object.keys(existing.data).length === 1) return;
  if (existing) {
    await context.client.update<ConfigMap>(
      '/configmaps',
      { namespace, name: CONFIG_MAP },
      (map) => void (map.data = wanted),
    );
    return;
  }
  const metadata = { name: CONFIG_MAP, namespace, annotations: { 'kubernetes.io/description': DESCRIPTION } };
  await context.client.create('/configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: wanted });
}
