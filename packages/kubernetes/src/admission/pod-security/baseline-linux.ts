import { fieldsOf, objectsOf, stringsOf, textOf, type Json } from '../../auth/fields.ts';
import {
  containersOf,
  isInUserNamespace,
  namedContainers,
  plural,
  quoted,
  securityContext,
  setters,
  sorted,
  type Check,
} from './containers.ts';

const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';

const defaultCapabilities: ReadonlySet<string> = new Set(
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(
    ' ',
  ),
);

const seLinuxTypes: ReadonlySet<string> = new Set([
  '',
  'container_t',
  'container_init_t',
  'container_kvm_t',
  'container_engine_t',
]);

const safeSysctls: ReadonlySet<string> = new Set([
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
]);

const appArmor: Check = ({ spec, annotations }) => {
  const typeOf = (holder: Json) => textOf(fieldsOf(securityContext(holder)['appArmorProfile'])['type']);
  const isBad = (holder: Json) => !['', 'RuntimeDefault', 'Localhost'].includes(typeOf(holder));
  const bad = containersOf(spec).filter(isBad);
  const types = sorted([...(isBad(spec) ? [spec] : []), ...bad].map(typeOf));
  const who = setters(isBad(spec), bad);
  const notes = Object.entries(annotations)
    .filter(([key, value]) => key.startsWith(appArmorPrefix) && !isSafeAppArmor(value))
    .map(([key, value]) => `${key}="${value}"`)
    .toSorted();
  const all = [
    ...(who === '' ? [] : [who]),
    ...(notes.length === 0 ? [] : [plural('annotation', notes.length)]),
  ];
  if (all.length === 0) return undefined;
  const values = [...types, ...notes];
  return {
    reason: plural('forbidden AppArmor profile', values.length),
    detail: `${all.join(' and ')} must not set AppArmor profile type to ${quoted(values)}`,
  };
};

function isSafeAppArmor(profile: string): boolean {
  return profile === '' || profile === 'runtime/default' || profile.startsWith('localhost/');
}

const capabilities: Check = ({ spec }) => {
  const extra = (container: Json) =>
    stringsOf(fieldsOf(securityContext(container)['capabilities'])['add']).filter(
      (name) => !defaultCapabilities.has(name),
    );
  const bad = containersOf(spec).filter((container) => extra(container).length > 0);
  if (bad.length === 0) return undefined;
  const names = quoted(sorted(bad.flatMap(extra)));
  return {
    reason: 'non-default capabilities',
    detail: `${namedContainers(bad)} must not include ${names} in securityContext.capabilities.add`,
  };
};

/** Refuses an unmasked /proc; `restricted` does so even in a user namespace. */
export const procMountAlways: Check = ({ spec }) => {
  const typeOf = (container: Json) => textOf(securityContext(container)['procMount']);
  const bad = containersOf(spec).filter((container) => !['', 'Default'].includes(typeOf(container)));
  if (bad.length === 0) return undefined;
  const types = quoted(sorted(bad.map(typeOf)));
  return {
    reason: 'procMount',
    detail: `${namedContainers(bad)} must not set securityContext.procMount to ${types}`,
  };
};

const procMount: Check = (pod) => (isInUserNamespace(pod.spec) ? undefined : procMountAlways(pod));

const seLinux: Check = ({ spec }) => {
  const optionsOf = (holder: Json) => fieldsOf(securityContext(holder)['seLinuxOptions']);
  const isBad = (holder: Json) => {
    const { type, user, role } = optionsOf(holder);
    return !seLinuxTypes.has(textOf(type)) || textOf(user) !== '' || textOf(role) !== '';
  };
  const bad = containersOf(spec).filter(isBad);
  const who = setters(isBad(spec), bad);
  if (who === '') return undefined;
  const options = [spec, ...bad].map(optionsOf);
  const types = sorted(options.map(({ type }) => textOf(type)).filter((type) => !seLinuxTypes.has(type)));
  const problems = [
    ...(types.length > 0 ? [`${plural('type', types.length)} ${quoted(types)}`] : []),
    ...(options.some(({ user }) => textOf(user) !== '') ? ['user may not be set'] : []),
    ...(options.some(({ role }) => textOf(role) !== '') ? ['role may not be set'] : []),
  ];
  return {
    reason: 'seLinuxOptions',
    detail: `${who} set forbidden securityContext.seLinuxOptions: ${problems.join('; ')}`,
  };
};

/** A profile that is set and is not one of the confined ones. */
const seccomp: Check = ({ spec }) => {
  const bad = containersOf(spec).filter(isUnconfined);
  const who = setters(isUnconfined(spec), bad);
  if (who === '') return undefined;
  const types = quoted(sorted([...(isUnconfined(spec) ? [spec] : []), ...bad].map(seccompType)));
  return {
    reason: 'seccompProfile',
    detail: `${who} must not set securityContext.seccompProfile.type to ${types}`,
  };
};

/** `securityContext.seccompProfile.type`, '' when unset. */
export function seccompType(holder: Json): string {
  return textOf(fieldsOf(securityContext(holder)['seccompProfile'])['type']);
}

/** True when a profile is named that does not confine. */
export function isUnconfined(holder: Json): boolean {
  return !['', 'RuntimeDefault', 'Localhost'].includes(seccompType(holder));
}

const sysctls: Check = ({ spec }) => {
  const names = objectsOf(securityContext(spec)['sysctls']).map((sysctl) => textOf(sysctl['name']));
  const bad = names.filter((name) => !safeSysctls.has(name));
  return bad.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: bad.join(', ') };
};

/** The checks of `baseline` that concern Linux kernels. */
export const linuxBaseline = { appArmor, capabilities, procMount, seLinux, seccomp, sysctls };
