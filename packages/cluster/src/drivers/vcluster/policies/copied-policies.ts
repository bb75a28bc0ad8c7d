import { askedByTenant, matching, type HostPolicy } from './host-policy.ts';

const isAskedByTenant = { name: 'is-asked-by-a-tenant', expression: askedByTenant };

/** CEL: value of an annotation; '' when there is none. */
const annotation = (object: string, key: string): string =>
  `(has(${object}.metadata.annotations) && '${key}' in ${object}.metadata.annotations ? ${object}.metadata.annotations['${key}'] : '')`;

const selectedNode = 'volume.kubernetes.io/selected-node';
const classBefore = 'volume.beta.kubernetes.io/storage-class';

/**
 * The state of a control plane, with the key of its authority. vCluster names what it copies otherwise, and leaves the
 * names in a claim alone when the tenant says `vcluster.loft.sh/skip-translate`.
 */
const stateClaim = '^data-ws-[a-z0-9]+-[0-9]+$';

/** CEL: no source, or a claim of the same namespace that is not the control plane's. A group that is absent is null. */
const fromOwnClaim = (field: 'dataSource' | 'dataSourceRef'): string => {
  const source = `object.spec.${field}`;
  const isCore = `(!has(${source}.apiGroup) || dyn(${source}.apiGroup) == null || ${source}.apiGroup == '')`;
  return `(!has(${source}) || (${source}.kind == 'PersistentVolumeClaim' && ${isCore} && !${source}.name.matches('${stateClaim}')))`;
};

/** vCluster copies a claim as it is: a volume that it names is one of the host, which knows nothing of tenants. */
const claims: HostPolicy = {
  name: 'hexabase-claims',
  scope: 'workspaces',
  purpose: 'A tenant gets new volumes by a storage class, never what others have on the host.',
  match: matching('/v1', [['persistentvolumeclaims', 'PersistentVolumeClaim']], ['CREATE', 'UPDATE']),
  inWorkspaces: true,
  conditions: [isAskedByTenant],
  validations: [
    {
      // Nobody changes these of a claim that is there; the host writes the volume into it.
      expression:
        "request.operation != 'CREATE' || ((!has(object.spec.volumeName) || object.spec.volumeName == '') && !has(object.spec.selector))",
      message: 'claims of workspaces may not choose a volume of the host (volumeName, selector)',
    },
    {
      expression: `request.operation != 'CREATE' || (!(has(object.spec.storageClassName) && object.spec.storageClassName == '') && !(has(object.metadata.annotations) && '${classBefore}' in object.metadata.annotations && object.metadata.annotations['${classBefore}'] == ''))`,
      message:
        "claims of workspaces may not go without a storage class (''): they would take volumes that somebody else made",
    },
    {
      expression: `request.operation != 'CREATE' || (${fromOwnClaim('dataSource')} && ${fromOwnClaim('dataSourceRef')})`,
      message:
        'claims of workspaces are filled from other claims of theirs, not from snapshots or the state of their control plane',
    },
    {
      expression: `${annotation('object', selectedNode)} == '' || (request.operation == 'UPDATE' && ${annotation('object', selectedNode)} == ${annotation('oldObject', selectedNode)})`,
      message: `the node of a volume is chosen by the scheduler of the host (annotation ${selectedNode})`,
    },
  ],
};

/** CEL: a field of the status is as it was. */
const sameStatus = (field: string): string =>
  `(has(object.status.${field}) ? dyn(object.status.${field}) : dyn('')) == (has(oldObject.status.${field}) ? dyn(oldObject.status.${field}) : dyn(''))`;

/** Services of the host lead to the addresses that stand there, past everything that `hexabase-endpoints` says. */
const podsStatus: HostPolicy = {
  name: 'hexabase-pods-status',
  scope: 'workspaces',
  purpose: 'A tenant says of its pods on the host in which condition they are, and not where.',
  match: matching('/v1', [['pods/status', 'Pod/status']], ['UPDATE']),
  inWorkspaces: true,
  conditions: [isAskedByTenant],
  validations: [
    {
      expression: ['podIP', 'podIPs', 'hostIP', 'hostIPs', 'phase', 'nominatedNodeName']
        .map(sameStatus)
        .join(' && '),
      message:
        'the addresses and the phase of a pod are said by its node, and where it will be by the scheduler',
    },
  ],
};

const allowAnnotations = 'hexabase.ai/allow-annotations';

/** By what programs of a host do for whoever writes it; letters small. Addresses, networks, names and roles of others. */
const orders = [
  // Networks and addresses of pods: Multus, Calico, OVN, Cilium, kube-ovn; roles in a cloud: kube2iam, kiam.
  '^(k8s[.]v1[.]cni[.]cncf[.]io|v1[.]multus-cni[.]io|cni[.]projectcalico[.]org|k8s[.]ovn[.]org|([^/]*[.])?ovn[.]kubernetes[.]io|([^/]*[.])?cilium[.]io|io[.]cilium|iam[.]amazonaws[.]com)/',
  // Load balancers and names: MetalLB, kube-vip, ExternalDNS, Emissary.
  '^(metallb[.]io|metallb[.]universe[.]tf|kube-vip[.]io|external-dns[.]alpha[.]kubernetes[.]io|getambassador[.]io)/',
  // A load balancer, or its address, that is there already: clouds.
  '(load-?balancer-?(ip|id|name|eip|private-ip|resource-group|security-groups|extra-security-groups)|load-balancer[.]hetzner[.]cloud/(name|id)|azure-pip-|elb[.](id|ip)|nodebalancer-id|reserved-ip|existed-?lb-?id)',
  // What a volume is made of: NFS provisioners, KubeVirt's importer.
  '^(nfs[.]io|cdi[.]kubevirt[.]io)/',
  // Copies into namespaces of others, and from them: Reflector, replicator, kubed.
  '^(reflector[.]v1[.]k8s[.]emberstack[.]com|replicator[.]v1[.]mittwald[.]de|kubed[.]appscode[.]com|config-syncer[.]appscode[.]com)/',
].join('|');

/** Of load balancers of clouds, what reads like an address or a name and is none: AWS, Alibaba Cloud. */
const settings =
  '^service[.]beta[.]kubernetes[.]io/[a-z-]*load-?balancer-(ip-address-type|ip-version|idle-timeout)$';

/** Those that a tenant writes on its own objects, vCluster copies word for word. */
const annotations: HostPolicy = {
  name: 'hexabase-annotations',
  scope: 'workspaces',
  purpose: 'A tenant orders nothing of the programs of a host by annotations of what is copied there.',
  match: matching(
    '/v1',
    [
      ['pods', 'Pod'],
      ['services', 'Service'],
      ['persistentvolumeclaims', 'PersistentVolumeClaim'],
      ['configmaps', 'ConfigMap'],
      ['secrets', 'Secret'],
    ],
    ['CREATE', 'UPDATE'],
  ),
  inWorkspaces: true,
  conditions: [isAskedByTenant],
  variables: [
    {
      name: 'allowed',
      expression: `(has(namespaceObject.metadata.annotations) && '${allowAnnotations}' in namespaceObject.metadata.annotations ? namespaceObject.metadata.annotations['${allowAnnotations}'].split(',') : [])`,
    },
    {
      // What those programs write themselves comes back with the tenant's next change.
      name: 'before',
      expression: `(request.operation == 'UPDATE' && has(oldObject.metadata.annotations) ? oldObject.metadata.annotations : {})`,
    },
    {
      name: 'orders',
      expression: `(has(object.metadata.annotations) ? object.metadata.annotations : {}).filter(key, key.lowerAscii().matches('${orders}') && !key.lowerAscii().matches('${settings}') && !(key in variables.allowed) && !(key in variables.before && variables.before[key] == object.metadata.annotations[key]))`,
    },
  ],
  validations: [
    {
      expression: 'variables.orders.size() == 0',
      message: `objects of workspaces may not carry orders to programs of the host: networks, addresses, load balancers, names, volumes, copies (its administrator allows some: annotation ${allowAnnotations} of its namespace)`,
      named: 'variables.orders',
    },
  ],
};

/** About what vCluster copies to the host and no other rule is about. */
export const copiedPolicies: readonly HostPolicy[] = [claims, podsStatus, annotations];
