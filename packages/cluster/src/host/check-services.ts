import { policyDrift, type Drift } from '../drivers/vcluster/policies/policy-drift.ts';
import {
  at,
  bad,
  good,
  itemsOf,
  noAnswer,
  notAnswered,
  optional,
  read,
  unsure,
  type HostCheck,
  type Look,
} from './host-check.ts';

const defaultClass = 'storageclass.kubernetes.io/is-default-class';

/** A tenant keeps its state in a volume of the class that it is given, or of the default one. */
export async function checkStorage(
  look: Look,
  wanted: string | null,
): Promise<{ check: HostCheck; storageClass: string | null }> {
  const answer = await read(look, '/apis/storage.k8s.io/v1/storageclasses');
  if (answer?.status !== 200) return { check: unsure('StorageReady', noAnswer(answer)), storageClass: null };
  const classes = itemsOf(answer);
  const found = classes.find((one) =>
    wanted === null
      ? at(one, 'metadata', 'annotations', defaultClass) === 'true'
      : at(one, 'metadata', 'name') === wanted,
  );
  const name = at(found, 'metadata', 'name');
  if (typeof name === 'string') {
    const message = `Volumes come from storage class ${name}`;
    return { check: good('StorageReady', { reason: 'ClassFound', message }), storageClass: name };
  }
  const message =
    wanted === null
      ? `None of the ${classes.length} storage classes is the default`
      : `There is no storage class ${wanted}`;
  const todo =
    wanted === null
      ? `Mark one: kubectl annotate storageclass NAME ${defaultClass}=true.`
      : 'Make it, or name another in the settings.';
  return { check: bad('StorageReady', { reason: 'NoClass', message, todo }), storageClass: null };
}

/** kubectl top in workspaces asks the host's metrics API. */
export async function checkMetrics(look: Look): Promise<HostCheck> {
  const answer = await read(look, '/apis/metrics.k8s.io/v1beta1/nodes?limit=1');
  if (answer?.status === 200)
    return optional(good('MetricsServed', { reason: 'Served', message: 'The metrics API answers' }));
  if (answer?.status === 403) return optional(unsure('MetricsServed', noAnswer(answer)));
  if (answer === null) return optional(unsure('MetricsServed', noAnswer(answer)));
  return optional(
    bad('MetricsServed', {
      reason: answer.status === 404 ? 'NotServed' : 'NotAnswering',
      message: 'There is no metrics API: kubectl top will not work in workspaces',
      todo: 'Install metrics-server on the host cluster.',
    }),
  );
}

/** Our admission policies keep a paused worker and a tenant's pods in their place. */
export async function checkPolicies(look: Look): Promise<HostCheck[]> {
  const answer = await read(look, '/apis/admissionregistration.k8s.io/v1');
  if (answer?.status !== 200) return [optional(unsure('PoliciesServed', noAnswer(answer)))];
  const resources = at(answer.body, 'resources');
  const served =
    Array.isArray(resources) && resources.some((one) => at(one, 'name') === 'validatingadmissionpolicies');
  if (served) {
    const message = 'ValidatingAdmissionPolicy is served';
    return [
      optional(good('PoliciesServed', { reason: 'Served', message })),
      optional(await checkPolicyDrift(look)),
    ];
  }
  return [
    optional(
      bad('PoliciesServed', {
        reason: 'NotServed',
        message: 'ValidatingAdmissionPolicy is not served (it comes with Kubernetes 1.30)',
        todo: 'Upgrade the host, or install Kyverno and apply deploy/policies/kyverno.',
      }),
    ),
  ];
}

const policiesNamedMax = 6;

/** Nobody but an administrator of the host can take them away; then nothing holds a replaced worker or a tenant back. */
async function checkPolicyDrift({ client, signal }: Look): Promise<HostCheck> {
  const type = 'PoliciesInPlace';
  let drift: Drift[];
  try {
    drift = await policyDrift(client, signal);
  } catch (error) {
    return notAnswered(type, error);
  }
  if (drift.length === 0)
    return good(type, { reason: 'AsTheyShouldBe', message: 'The admission policies are as they should be' });
  const names = (which: Drift[]) => [...new Set(which.map(({ wanted }) => wanted.metadata.name))];
  const missing = names(drift.filter(({ live }) => live === null));
  const changed = names(drift.filter(({ live }) => live !== null)).filter((name) => !missing.includes(name));
  const said = (words: string, list: string[]): string[] =>
    list.length === 0
      ? []
      : [
          `${words}: ${list.slice(0, policiesNamedMax).join(', ')}${list.length > policiesNamedMax ? ` and ${list.length - policiesNamedMax} more` : ''}`,
        ];
  return bad(type, {
    reason: missing.length > 0 ? 'Missing' : 'Changed',
    message: `Admission policies of ours ${[...said('are missing', missing), ...said('were changed', changed)].join('; ')}`,
    todo: 'The server puts them back within a minute while it runs and has the rights; else apply deploy/policies/native.',
  });
}

/** API groups of network plugins that are known to enforce NetworkPolicy. */
const enforcing: readonly (readonly [group: string, name: string])[] = [
  ['crd.projectcalico.org', 'Calico'],
  ['projectcalico.org', 'Calico'],
  ['cilium.io', 'Cilium'],
  ['crd.antrea.io', 'Antrea'],
  ['kubeovn.io', 'Kube-OVN'],
  ['k8s.ovn.org', 'OVN-Kubernetes'],
];

/**
 * Whether NetworkPolicies do anything. The API does not tell: this looks for plugins that are known, and says so when it
 * cannot tell. Workspaces run without; they are then not separated on the network.
 */
export async function checkNetworkPolicies(
  look: Look,
  { version, nodes }: { version: string; nodes: readonly Record<string, unknown>[] },
): Promise<HostCheck> {
  const type = 'NetworkPoliciesEnforced';
  const answer = await read(look, '/apis');
  if (answer?.status !== 200) return optional(unsure(type, noAnswer(answer)));
  const groups = at(answer.body, 'groups');
  const served = new Set(Array.isArray(groups) ? groups.map((group) => at(group, 'name')) : []);
  const plugin = enforcing.find(([group]) => served.has(group))?.[1];
  if (plugin !== undefined)
    return optional(good(type, { reason: 'PluginKnown', message: `${plugin} enforces NetworkPolicies` }));
  if (version.includes('+k3s')) {
    const message = 'K3s enforces NetworkPolicies unless it was started with --disable-network-policy';
    return optional(good(type, { reason: 'BuiltIn', message }));
  }
  if (nodes.some(usesFlannel)) {
    return optional(
      bad(type, {
        reason: 'NotEnforced',
        message:
          'The network plugin is Flannel, which does not enforce NetworkPolicies: workspaces are not separated on the network',
        todo: 'Install a network plugin that enforces them (Calico, Cilium, Antrea), or carry only tenants that trust each other.',
      }),
    );
  }
  return optional(
    unsure(type, {
      reason: 'CannotTell',
      message: 'It cannot be told from here whether the network plugin enforces NetworkPolicies',
      todo: 'hexabase-cli host check tries it with a pod, once pods reach us; without enforcement workspaces are not separated on the network.',
    }),
  );
}

function usesFlannel(node: Record<string, unknown>): boolean {
  const annotations = at(node, 'metadata', 'annotations');
  return JSON.stringify(annotations ?? {}).includes('flannel.alpha.coreos.com/');
}
