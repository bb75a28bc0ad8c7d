import { fieldsOf, objectsOf, textOf, type Json } from '../../auth/fields.ts';
import { linuxBaseline } from './baseline-linux.ts';
import {
  containersOf,
  namedContainers,
  plural,
  quoted,
  securityContext,
  setters,
  sorted,
  type Check,
} from './containers.ts';

const hostNamespaces: Check = ({ spec }) => {
  const used = ['hostNetwork', 'hostPID', 'hostIPC'].filter((field) => spec[field] === true);
  return used.length === 0
    ? undefined
    : { reason: 'host namespaces', detail: used.map((field) => `${field}=true`).join(', ') };
};

/** Volumes from the node's own disk. */
export const hostPathVolumes: Check = ({ spec }) => {
  const names = objectsOf(spec['volumes'])
    .filter((volume) => volume['hostPath'] !== undefined && volume['hostPath'] !== null)
    .map((volume) => textOf(volume['name']));
  if (names.length === 0) return undefined;
  return { reason: 'hostPath volumes', detail: `${plural('volume', names.length)} ${quoted(names)}` };
};

const hostPorts: Check = ({ spec }) => {
  const portsOf = (container: Json) =>
    objectsOf(container['ports']).flatMap(({ hostPort }) =>
      typeof hostPort === 'number' && hostPort !== 0 ? [hostPort] : [],
    );
  const bad = containersOf(spec).filter((container) => portsOf(container).length > 0);
  if (bad.length === 0) return undefined;
  const ports = sorted(bad.flatMap(portsOf).map(String));
  const verb = bad.length === 1 ? 'uses' : 'use';
  return {
    reason: 'hostPort',
    detail: `${namedContainers(bad)} ${verb} ${plural('hostPort', ports.length)} ${ports.join(', ')}`,
  };
};

/** Probes and lifecycle hooks that make the kubelet call a host of the user's choice. */
const probeHosts: Check = ({ spec }) => {
  const hostsOf = (container: Json) => {
    const lifecycle = fieldsOf(container['lifecycle']);
    const handlers = [
      ...['livenessProbe', 'readinessProbe', 'startupProbe'].map((probe) => fieldsOf(container[probe])),
      ...['postStart', 'preStop'].map((hook) => fieldsOf(lifecycle[hook])),
    ];
    const hosts = handlers.flatMap((handler) => [
      fieldsOf(handler['httpGet'])['host'],
      fieldsOf(handler['tcpSocket'])['host'],
    ]);
    return hosts.map(textOf).filter((host) => host !== '');
  };
  const bad = containersOf(spec).filter((container) => hostsOf(container).length > 0);
  if (bad.length === 0) return undefined;
  const hosts = sorted(bad.flatMap(hostsOf));
  const verb = bad.length === 1 ? 'uses' : 'use';
  return {
    reason: 'probe or lifecycle host',
    detail: `${namedContainers(bad)} ${verb} probe or lifecycle ${plural('host', hosts.length)} ${quoted(hosts)}`,
  };
};

const privileged: Check = ({ spec }) => {
  const bad = containersOf(spec).filter((container) => securityContext(container)['privileged'] === true);
  if (bad.length === 0) return undefined;
  return {
    reason: 'privileged',
    detail: `${namedContainers(bad)} must not set securityContext.privileged=true`,
  };
};

const hostProcess: Check = ({ spec }) => {
  const isHost = (holder: Json) =>
    fieldsOf(securityContext(holder)['windowsOptions'])['hostProcess'] === true;
  const who = setters(isHost(spec), containersOf(spec).filter(isHost));
  if (who === '') return undefined;
  return {
    reason: 'hostProcess',
    detail: `${who} must not set securityContext.windowsOptions.hostProcess=true`,
  };
};

/** The level `baseline`, in upstream's order (by the ids of k8s.io/pod-security-admission/policy). */
export const baseline: readonly (readonly [id: string, check: Check])[] = [
  ['appArmorProfile', linuxBaseline.appArmor],
  ['capabilities_baseline', linuxBaseline.capabilities],
  ['hostNamespaces', hostNamespaces],
  ['hostPathVolumes', hostPathVolumes],
  ['hostPorts', hostPorts],
  ['hostProbesAndHostLifecycle', probeHosts],
  ['privileged', privileged],
  ['procMount', linuxBaseline.procMount],
  ['seLinuxOptions', linuxBaseline.seLinux],
  ['seccompProfile_baseline', linuxBaseline.seccomp],
  ['sysctls', linuxBaseline.sysctls],
  ['windowsHostProcess', hostProcess],
];
