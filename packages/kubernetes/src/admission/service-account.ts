import { fieldsOf, isObject, objectsOf, textOf, type Json } from '../auth/fields.ts';
import { generatedName } from '../api/registry/names.ts';
import { concerns, refused, type AdmissionContext } from './context.ts';

const tokenPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const volumePrefix = 'kube-api-access-';
/** An hour and seven seconds: upstream's value, by which its token controller recognises these projections. */
const tokenSeconds = 3607;

/**
 * Gives a new pod the service account `default`, its pull secrets and the projected token volume; 403 when the account
 * does not exist (plugin ServiceAccount).
 */
export function serviceAccount(context: AdmissionContext): void {
  if (context.operation !== 'CREATE' || !concerns(context, '/pods') || !context.object) return;
  const spec = context.object['spec'];
  if (!isObject(spec)) return;
  const name = textOf(spec['serviceAccountName']) || textOf(spec['serviceAccount']) || 'default';
  spec['serviceAccountName'] = name;
  spec['serviceAccount'] = name;
  const account = context.store.get('/serviceaccounts', context.namespace, name);
  if (!account) {
    const where = `${context.namespace}/${name}`;
    throw refused(
      context,
      `error looking up service account ${where}: serviceaccount ${JSON.stringify(name)} not found`,
    );
  }
  const automount = spec['automountServiceAccountToken'] ?? account['automountServiceAccountToken'];
  if (automount !== false) mountToken(spec);
  const pullSecrets = objectsOf(account['imagePullSecrets']);
  if (objectsOf(spec['imagePullSecrets']).length === 0 && pullSecrets.length > 0) {
    spec['imagePullSecrets'] = pullSecrets.map(({ name: secret }) => ({ name: secret }));
  }
  checkMountableSecrets(context, spec, account);
}

function mountToken(spec: Json): void {
  const volumes = objectsOf(spec['volumes']);
  const existing = volumes
    .map((volume) => textOf(volume['name']))
    .find((name) => name.startsWith(volumePrefix));
  const name = existing ?? generatedName(volumePrefix);
  let mounted = false;
  for (const container of [...objectsOf(spec['initContainers']), ...objectsOf(spec['containers'])]) {
    const mounts = objectsOf(container['volumeMounts']);
    if (mounts.some((mount) => mount['mountPath'] === tokenPath)) continue;
    container['volumeMounts'] = [...mounts, { mountPath: tokenPath, name, readOnly: true }];
    mounted = true;
  }
  if (mounted && existing === undefined) spec['volumes'] = [...volumes, tokenVolume(name)];
}

function tokenVolume(name: string): Json {
  const namespaceFile = {
    fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' },
    path: 'namespace',
  };
  return {
    name,
    projected: {
      defaultMode: 420,
      sources: [
        { serviceAccountToken: { expirationSeconds: tokenSeconds, path: 'token' } },
        { configMap: { items: [{ key: 'ca.crt', path: 'ca.crt' }], name: 'kube-root-ca.crt' } },
        { downwardAPI: { items: [namespaceFile] } },
      ],
    },
  };
}

/** An account annotated with `kubernetes.io/enforce-mountable-secrets` limits the secrets that its pods mount. */
function checkMountableSecrets(
  context: AdmissionContext,
  spec: Json,
  account: { metadata: { name: string }; [field: string]: unknown },
): void {
  const annotations = fieldsOf(fieldsOf(account.metadata)['annotations']);
  if (annotations['kubernetes.io/enforce-mountable-secrets'] !== 'true') return;
  const allowed = new Set(objectsOf(account['secrets']).map((secret) => textOf(secret['name'])));
  for (const volume of objectsOf(spec['volumes'])) {
    const secret = textOf(fieldsOf(volume['secret'])['secretName']);
    if (secret === '' || allowed.has(secret)) continue;
    throw refused(
      context,
      `volume with secret.secretName="${secret}" is not allowed because service account ${account.metadata.name} does not reference that secret`,
    );
  }
}
