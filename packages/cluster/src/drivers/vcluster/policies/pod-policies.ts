import { workspaceLabel } from '../names.ts';
import { askedByTenant, isolationLabel, matching, poolLabel, type HostPolicy } from './host-policy.ts';

const pods = [
  ...matching('/v1', [['pods', 'Pod']], ['CREATE', 'UPDATE']),
  ...matching('/v1', [['pods/ephemeralcontainers', 'Pod/ephemeralcontainers']], ['UPDATE']),
];

/** CEL: not set, or false. */
const off = (field: string): string => `(!has(object.spec.${field}) || !object.spec.${field})`;

/** CEL: holds for each volume of the pod. */
const everyVolume = (test: string): string =>
  `(!has(object.spec.volumes) || object.spec.volumes.all(volume, ${test}))`;

/** CEL: whoever carries this asks no other address than the pod's own. The kubelet asks, from the node's network. */
const ownAddress = (handler: string): string =>
  ['httpGet', 'tcpSocket']
    .map((way) => `(!has(${handler}.${way}) || !has(${handler}.${way}.host) || ${handler}.${way}.host == '')`)
    .join(' && ');

/** Whatever of a container the kubelet asks for. */
const askedByKubelet = [
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle.postStart',
  'lifecycle.preStop',
].map((field) => {
  const [parent, child] = field.split('.');
  const absent = `!has(container.${parent})${child === undefined ? '' : ` || !has(container.${field})`}`;
  return `(${absent} || (${ownAddress(`container.${field}`)}))`;
});

/**
 * As Pod Security `restricted` has them, without inline csi: all others are mounted from the node or from its network.
 * Without `ephemeral` too: a controller of the host would make its claim, which is no tenant to `hexabase-claims`. vCluster
 * makes that claim itself and names it in the pod.
 */
const volumeKinds = [
  'configMap',
  'secret',
  'downwardAPI',
  'projected',
  'emptyDir',
  'persistentVolumeClaim',
  'image',
] as const;

/** What Pod Security `baseline` takes (Kubernetes, "Pod Security Standards"). */
const capabilities = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
] as const;
const sysctls = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
] as const;
const seLinuxTypes = [
  '',
  'container_t',
  'container_init_t',
  'container_kvm_t',
  'container_engine_t',
] as const;

const celList = (values: readonly string[]): string => `[${values.map((value) => `'${value}'`).join(', ')}]`;

/** CEL: what confines a container stays on. `of` is a pod's spec or a container, which both may say it. */
const confined = (of: string): string => {
  const context = `${of}.securityContext`;
  const options = `${context}.seLinuxOptions`;
  const profiles = ['seccompProfile', 'appArmorProfile'].map(
    (profile) => `(!has(${context}.${profile}) || ${context}.${profile}.type != 'Unconfined')`,
  );
  const unset = ['user', 'role'].map((field) => `(!has(${options}.${field}) || ${options}.${field} == '')`);
  const type = `(!has(${options}.type) || ${options}.type in ${celList(seLinuxTypes)})`;
  return `(!has(${context}) || (${profiles.join(' && ')} && (!has(${options}) || (${type} && ${unset.join(' && ')}))))`;
};

/** Pod Security says the same of most; this one stays when somebody takes its label off. */
const podsBaseline: HostPolicy = {
  name: 'hexabase-pods-baseline',
  scope: 'workspaces',
  purpose: 'Pods of workspaces get nothing of the node they run on, and no account of the host.',
  match: pods,
  inWorkspaces: true,
  variables: [
    {
      name: 'containers',
      expression:
        'object.spec.containers' +
        ' + (has(object.spec.initContainers) ? object.spec.initContainers : [])' +
        ' + (has(object.spec.ephemeralContainers) ? object.spec.ephemeralContainers : [])',
    },
    {
      // The StatefulSet makes the control plane; what a tenant makes arrives through the control plane's account.
      name: 'controlPlane',
      expression: `has(object.spec.serviceAccountName) && object.spec.serviceAccountName.startsWith('vc-ws-') && !${askedByTenant}`,
    },
  ],
  validations: [
    {
      expression: `${off('hostNetwork')} && ${off('hostPID')} && ${off('hostIPC')}`,
      message: 'pods of workspaces may not use hostNetwork, hostPID or hostIPC',
    },
    {
      // Nobody changes the volumes of a pod that is there; one that is older than this rule can still be relabelled.
      expression: `request.operation != 'CREATE' || ${everyVolume(`(${volumeKinds.map((kind) => `has(volume.${kind})`).join(' || ')})`)}`,
      message: `pods of workspaces may not use hostPath, nfs, csi and such volumes of a node and its network, nor ephemeral claims, only ${volumeKinds.join(', ')}`,
    },
    {
      expression:
        'variables.containers.all(container, !has(container.securityContext) || !has(container.securityContext.privileged) || !container.securityContext.privileged)',
      message: 'pods of workspaces may not run privileged containers',
    },
    {
      expression: `variables.containers.all(container, !has(container.securityContext) || !has(container.securityContext.capabilities) || !has(container.securityContext.capabilities.add) || container.securityContext.capabilities.add.all(capability, capability in ${celList(capabilities)}))`,
      message: 'pods of workspaces may not add capabilities beyond those of Pod Security baseline',
    },
    {
      expression: `${confined('object.spec')} && variables.containers.all(container, ${confined('container')})`,
      message:
        'pods of workspaces may not go without seccomp, AppArmor or SELinux, or choose their own SELinux',
    },
    {
      expression: `!has(object.spec.securityContext) || !has(object.spec.securityContext.sysctls) || object.spec.securityContext.sysctls.all(sysctl, sysctl.name in ${celList(sysctls)})`,
      message: 'pods of workspaces may not set sysctls beyond those of Pod Security baseline',
    },
    {
      expression:
        'variables.containers.all(container, !has(container.ports) || container.ports.all(port, !has(port.hostPort) || port.hostPort == 0))',
      message: 'pods of workspaces may not use ports of the node (hostPort)',
    },
    {
      // Pod Security says it from 1.34 on: past all network policies, and to the node's own loopback.
      expression: `request.operation != 'CREATE' || variables.containers.all(container, ${askedByKubelet.join(' && ')})`,
      message: 'probes and hooks of pods of workspaces may not name a host: the node would ask it',
    },
    {
      expression:
        '!has(object.spec.securityContext) || !has(object.spec.securityContext.windowsOptions) || !has(object.spec.securityContext.windowsOptions.hostProcess) || !object.spec.securityContext.windowsOptions.hostProcess',
      message: 'pods of workspaces may not run as processes of the node (hostProcess)',
    },
    {
      expression:
        "variables.controlPlane || request.operation != 'CREATE' || (has(object.spec.automountServiceAccountToken) && !object.spec.automountServiceAccountToken)",
      message: 'pods of workspaces get no account of the host: automountServiceAccountToken is false',
    },
    {
      expression: `variables.controlPlane || request.operation != 'CREATE' || ${everyVolume('!has(volume.projected) || !has(volume.projected.sources) || volume.projected.sources.all(source, !has(source.serviceAccountToken) && !has(source.podCertificate))')}`,
      message: 'pods of workspaces get no token or certificate of the host through a projected volume',
    },
    {
      expression: `request.operation != 'CREATE' || !${askedByTenant} || (has(object.spec.serviceAccountName) && object.spec.serviceAccountName.startsWith('vc-workload-'))`,
      message: 'pods of a tenant run as the workload account of their namespace and as no other',
    },
    {
      expression:
        "request.operation != 'CREATE' || !has(object.spec.priorityClassName) || !object.spec.priorityClassName.startsWith('system-')",
      message: 'pods of workspaces may not take the priority of the host’s own (priorityClassName system-…)',
    },
  ],
};

const tolerations = '(has(object.spec.tolerations) ? object.spec.tolerations : [])';
const workspace = `namespaceObject.metadata.labels['${workspaceLabel}']`;
const dedicated = `('${isolationLabel}' in namespaceObject.metadata.labels && namespaceObject.metadata.labels['${isolationLabel}'] == 'dedicated')`;

/** CEL: those that a pod did not have before. One that is older than these rules can still be changed otherwise. */
const newTolerations = `${tolerations}.filter(toleration, request.operation == 'CREATE' || !has(oldObject.spec.tolerations) || !(toleration in oldObject.spec.tolerations))`;

/** A toleration that fits our taint: with its key, or with no key, which fits all. */
const aboutOurTaint = `(!has(toleration.key) || toleration.key == '' || toleration.key == '${poolLabel}')`;

const allowTolerations = 'hexabase.ai/allow-tolerations';
/** Nodes of the control plane, of the host's own pods, of devices. */
const allowedToleration = `(has(namespaceObject.metadata.annotations) && '${allowTolerations}' in namespaceObject.metadata.annotations && toleration.key in namespaceObject.metadata.annotations['${allowTolerations}'].split(','))`;

/** CEL: what a pod wants to be near to or far from is in its own namespace. Required terms bind pods of others as well. */
const amongOwn = ['podAffinity', 'podAntiAffinity']
  .map((kind) => {
    const affinity = `object.spec.affinity.${kind}`;
    const own = (term: string) => `(!has(${term}.namespaces) && !has(${term}.namespaceSelector))`;
    const [required, preferred] = ['required', 'preferred'].map(
      (how) => `${affinity}.${how}DuringSchedulingIgnoredDuringExecution`,
    );
    return `(!has(${affinity}) || ((!has(${required}) || ${required}.all(term, ${own('term')})) && (!has(${preferred}) || ${preferred}.all(term, ${own('term.podAffinityTerm')}))))`;
  })
  .join(' && ');

/** Taints keep others off dedicated nodes; the selector keeps their own pods on them. */
const podsPlacement: HostPolicy = {
  name: 'hexabase-pods-placement',
  scope: 'workspaces',
  purpose: 'Pods of a dedicated workspace run on its own nodes, pods of a shared one never on those.',
  match: matching('/v1', [['pods', 'Pod']], ['CREATE', 'UPDATE']),
  inWorkspaces: true,
  variables: [
    { name: 'added', expression: newTolerations },
    {
      // A dedicated workspace is on its own nodes whatever it tolerates.
      name: 'ofTheHost',
      expression: `${dedicated} ? [] : variables.added.filter(toleration, !(${aboutOurTaint} || toleration.key.startsWith('node.kubernetes.io/') || ${allowedToleration}))`,
    },
  ],
  validations: [
    {
      expression: "request.operation != 'CREATE' || !has(object.spec.nodeName) || object.spec.nodeName == ''",
      message: 'pods of workspaces may not name their node: use a nodeSelector, the scheduler chooses',
    },
    {
      expression: `request.operation != 'CREATE' || !has(object.spec.affinity) || (${amongOwn})`,
      message: 'pods of workspaces may not keep those of other namespaces off a node (affinity)',
    },
    {
      expression: `!${dedicated} || request.operation != 'CREATE' || (has(object.spec.nodeSelector) && '${poolLabel}' in object.spec.nodeSelector && object.spec.nodeSelector['${poolLabel}'] == ${workspace})`,
      message: `pods of a dedicated workspace select its nodes (nodeSelector ${poolLabel})`,
    },
    {
      expression: `!${dedicated} || request.operation != 'CREATE' || ${tolerations}.exists(toleration, has(toleration.key) && toleration.key == '${poolLabel}' && has(toleration.value) && toleration.value == ${workspace})`,
      message: `pods of a dedicated workspace tolerate the taint of its nodes (${poolLabel})`,
    },
    {
      expression: `variables.added.all(toleration, !${aboutOurTaint} || (${dedicated} && has(toleration.value) && toleration.value == ${workspace}))`,
      message:
        'pods of workspaces may not tolerate the taint of nodes that are dedicated to others, nor every taint',
    },
    {
      expression: 'variables.ofTheHost.size() == 0',
      message: `pods of a shared workspace may not tolerate taints of the host's own (its administrator allows some: annotation ${allowTolerations} of its namespace)`,
      named: 'variables.ofTheHost.map(toleration, toleration.key)',
    },
    {
      expression: `${dedicated} || !has(object.spec.nodeSelector) || !('${poolLabel}' in object.spec.nodeSelector)`,
      message: 'pods of a shared workspace may not select dedicated nodes',
    },
  ],
};

/** A binding puts a pod on a node past its selector and past the taints. */
const podsBinding: HostPolicy = {
  name: 'hexabase-pods-binding',
  scope: 'workspaces',
  purpose: 'Only the scheduler of the host puts pods of workspaces on nodes.',
  match: matching(
    '/v1',
    [
      ['bindings', 'Binding'],
      ['pods/binding', 'Pod/binding'],
    ],
    ['CREATE'],
  ),
  inWorkspaces: true,
  validations: [
    {
      // One that runs beside it has its account in the same namespace.
      expression:
        "request.userInfo.username == 'system:kube-scheduler' || request.userInfo.username.startsWith('system:serviceaccount:kube-system:')",
      message: 'pods of workspaces are put on nodes by the scheduler of the host only',
    },
  ],
};

export const podPolicies: readonly HostPolicy[] = [podsBaseline, podsPlacement, podsBinding];
