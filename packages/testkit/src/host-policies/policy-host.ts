import { givenObjects, type PolicyFixture } from '@hexabase/cluster/conformance/policy-fixtures.ts';
import { hostRbac } from '@hexabase/cluster/drivers/vcluster/policies/host-rbac.ts';
import type { ApplicableObject } from '@hexabase/cluster/kube-api/apply.ts';
import { createKubeClient, type KubeClient } from '@hexabase/cluster/kube-api/client.ts';
import { resourcePath } from '@hexabase/cluster/kube-api/resource-path.ts';
import type { TenantResponse } from '@hexabase/cluster/port.ts';
import { startKubeApiServer, type TestKubeApiServer, type TestKubeUser } from '../kube-api-server.ts';

/** Everybody but the control plane may do whatever RBAC can allow, so that only a policy can refuse. */
const people = {
  administrator: { token: 'administrator', name: 'administrator', groups: ['system:masters'] },
  hexabase: { token: 'hexabase', name: 'system:serviceaccount:hexabase-system:hexabase' },
  tenant: { token: 'tenant', name: 'system:serviceaccount:hexabase-ws-shared:vc-ws-1', groups: ['strong'] },
  operator: { token: 'operator', name: 'operator', groups: ['strong'] },
  scheduler: { token: 'scheduler', name: 'system:kube-scheduler' },
  counter: {
    token: 'counter',
    name: 'system:serviceaccount:kube-system:resourcequota-controller',
    groups: ['strong'],
  },
  node: { token: 'node', name: 'system:node:worker-1', groups: ['system:nodes', 'strong'] },
} as const;

const strong: ApplicableObject[] = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'strong' },
    rules: [
      {
        apiGroups: ['', 'apps', 'networking.k8s.io', 'discovery.k8s.io', 'rbac.authorization.k8s.io'],
        resources: ['*'],
        verbs: ['*'],
      },
    ],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'strong' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'strong' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'strong' }],
  },
];

/** What Kubernetes has and not every host serves: volumes of images (by itself from 1.35 on), certificates of pods. */
const newer = [
  '--feature-gates=ImageVolume=true,PodCertificateRequest=true',
  '--runtime-config=api/alpha=true,api/beta=true',
];

/** A real kube-apiserver with what `deploy/policies/fixtures` says is there, to try policies on. */
export interface PolicyHost extends AsyncDisposable {
  server: TestKubeApiServer;
  as(who: keyof typeof people): KubeClient;
  /** By the administrator. */
  create(object: ApplicableObject): Promise<TenantResponse>;
  /** As a dry run, which goes through admission and changes nothing. */
  attempt(fixture: PolicyFixture): Promise<TenantResponse>;
}

/** Starts it from this folder of binaries; `others` may sign in too. */
export async function policyHost(
  binaries: string,
  others: readonly TestKubeUser[] = [],
): Promise<PolicyHost> {
  const server = await startKubeApiServer(binaries, [...Object.values(people), ...others], {
    more: newer,
  });
  const clients = new Map(Object.values(people).map(({ token }) => [token, clientOf(server, token)]));
  const as = (who: keyof typeof people): KubeClient => {
    const client = clients.get(who);
    if (!client) throw new Error(`nobody is called ${who}`);
    return client;
  };
  const create = (object: ApplicableObject): Promise<TenantResponse> =>
    as('administrator').request({
      method: 'POST',
      path: resourcePath(object.apiVersion, object.kind, { namespace: object.metadata.namespace }),
      body: object,
    });
  for (const object of [...hostRbac(), ...strong, ...givenObjects()]) {
    const { status, body } = await create(object);
    if (status !== 201) throw new Error(`${object.kind} ${object.metadata.name}: ${JSON.stringify(body)}`);
  }
  return {
    server,
    as,
    create,
    attempt: (fixture) => attempt(as(fixture.as), fixture),
    async [Symbol.asyncDispose]() {
      for (const client of clients.values()) client[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function clientOf({ url, certificateAuthority }: TestKubeApiServer, token: string): KubeClient {
  return createKubeClient({ server: url, certificateAuthority, credentials: { kind: 'token', token } });
}

function attempt(
  client: KubeClient,
  { do: verb, object, of = object.kind, subresource, manager = 'hexabase' }: PolicyFixture,
): Promise<TenantResponse> {
  const { apiVersion, metadata } = object;
  const collection = verb === 'delete-all' || (verb === 'create' && !subresource);
  const path = resourcePath(apiVersion, of, {
    namespace: metadata.namespace,
    ...(!collection && { name: metadata.name }),
  });
  const query = `${subresource ? `/${subresource}` : ''}?dryRun=All&fieldManager=${manager}`;
  const { method, ...rest } = requests[verb];
  return client.request({
    method,
    path: path + query,
    ...(method !== 'DELETE' && { body: object }),
    ...rest,
  });
}

const requests = {
  create: { method: 'POST' },
  apply: { method: 'PATCH', contentType: 'application/apply-patch+yaml' },
  update: { method: 'PATCH', contentType: 'application/merge-patch+json' },
  replace: { method: 'PUT' },
  delete: { method: 'DELETE' },
  'delete-all': { method: 'DELETE' },
} as const;
