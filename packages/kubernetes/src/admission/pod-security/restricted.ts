import { fieldsOf, objectsOf, stringsOf, textOf, type Json } from '../../auth/fields.ts';
import { linuxBaseline, procMountAlways, seccompType } from './baseline-linux.ts';
import {
  containersOf,
  isInUserNamespace,
  isWindows,
  namedContainers,
  plural,
  quoted,
  securityContext,
  setters,
  sorted,
  type Check,
} from './containers.ts';

const volumeTypes: ReadonlySet<string> = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
]);

const allowPrivilegeEscalation: Check = ({ spec }) => {
  if (isWindows(spec)) return undefined;
  const bad = containersOf(spec).filter(
    (container) => securityContext(container)['allowPrivilegeEscalation'] !== false,
  );
  if (bad.length === 0) return undefined;
  return {
    reason: 'allowPrivilegeEscalation != false',
    detail: `${namedContainers(bad)} must set securityContext.allowPrivilegeEscalation=false`,
  };
};

const capabilities: Check = ({ spec }) => {
  if (isWindows(spec)) return undefined;
  const of = (container: Json) => fieldsOf(securityContext(container)['capabilities']);
  const extra = (container: Json) =>
    stringsOf(of(container)['add']).filter((name) => name !== 'NET_BIND_SERVICE');
  const keeping = containersOf(spec).filter((container) => !stringsOf(of(container)['drop']).includes('ALL'));
  const adding = containersOf(spec).filter((container) => extra(container).length > 0);
  const details = [
    ...(keeping.length > 0
      ? [`${namedContainers(keeping)} must set securityContext.capabilities.drop=["ALL"]`]
      : []),
    ...(adding.length > 0
      ? [
          `${namedContainers(adding)} must not include ${quoted(sorted(adding.flatMap(extra)))} in securityContext.capabilities.add`,
        ]
      : []),
  ];
  return details.length === 0
    ? undefined
    : { reason: 'unrestricted capabilities', detail: details.join('; ') };
};

const volumes: Check = ({ spec }) => {
  const typesOf = (volume: Json) =>
    Object.keys(volume).filter((key) => key !== 'name' && volume[key] !== undefined && !volumeTypes.has(key));
  const bad = objectsOf(spec['volumes']).filter((volume) => typesOf(volume).length > 0);
  if (bad.length === 0) return undefined;
  const names = quoted(bad.map((volume) => textOf(volume['name'])));
  const types = sorted(bad.flatMap(typesOf));
  const verb = bad.length === 1 ? 'uses' : 'use';
  return {
    reason: 'restricted volume types',
    detail: `${plural('volume', bad.length)} ${names} ${verb} restricted volume ${plural('type', types.length)} ${quoted(types)}`,
  };
};

const runAsNonRoot: Check = ({ spec }) => {
  if (isInUserNamespace(spec)) return undefined;
  const reason = 'runAsNonRoot != true';
  const valueOf = (holder: Json) => securityContext(holder)['runAsNonRoot'];
  const containers = containersOf(spec);
  const podIsRoot = valueOf(spec) === false;
  const root = containers.filter((container) => valueOf(container) === false);
  const who = setters(podIsRoot, root);
  if (who !== '') return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` };
  if (valueOf(spec) === true) return undefined;
  const silent = containers.filter((container) => valueOf(container) !== true);
  if (silent.length === 0) return undefined;
  return { reason, detail: `pod or ${namedContainers(silent)} must set securityContext.runAsNonRoot=true` };
};

const runAsUser: Check = ({ spec }) => {
  if (isInUserNamespace(spec)) return undefined;
  const isRoot = (holder: Json) => securityContext(holder)['runAsUser'] === 0;
  const who = setters(isRoot(spec), containersOf(spec).filter(isRoot));
  return who === '' ? undefined : { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` };
};

const seccomp: Check = (pod) => {
  const { spec } = pod;
  if (isWindows(spec)) return undefined;
  const bad = linuxBaseline.seccomp(pod);
  if (bad) return bad;
  const silent = containersOf(spec).filter((container) => seccompType(container) === '');
  if (seccompType(spec) !== '' || silent.length === 0) return undefined;
  return {
    reason: 'seccompProfile',
    detail: `pod or ${namedContainers(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
};

/** The level `restricted` beyond `baseline`; a check may take the place of a milder one. */
export const restricted: readonly (readonly [id: string, check: Check, replaces?: string])[] = [
  ['allowPrivilegeEscalation', allowPrivilegeEscalation],
  ['capabilities_restricted', capabilities, 'capabilities_baseline'],
  ['procMount_restricted', procMountAlways, 'procMount'],
  ['restrictedVolumes', volumes, 'hostPathVolumes'],
  ['runAsNonRoot', runAsNonRoot],
  ['runAsUser', runAsUser],
  ['seccompProfile_restricted', seccomp, 'seccompProfile_baseline'],
];
