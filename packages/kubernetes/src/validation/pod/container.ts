import { asJson, isJson, items, text } from '../../schema/json.ts';
import type { Json } from '../../schema/json.ts';
import { dnsLabel, portName, portNumber } from '../formats.ts';
import { checkFormat } from '../problems.ts';
import type { Problems } from '../problems.ts';
import { checkEnvironment } from './environment.ts';
import { checkProbes } from './probe.ts';
import { checkResources } from './resources.ts';
import { checkLocalPath } from './volume.ts';

/** Where a container stands. */
export interface ContainerPlace {
  path: string;
  /** Names of the pod's volumes. */
  volumes: ReadonlySet<string>;
  init: boolean;
}

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const TERMINATION_POLICIES = ['File', 'FallbackToLogsOnError'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

/** Rules of a container or init container. */
export function checkContainer(
  container: Json,
  { path, volumes, init }: ContainerPlace,
  problems: Problems,
): void {
  const name = text(container['name']);
  if (name === '') problems.required(`${path}.name`);
  else checkFormat(`${path}.name`, name, { messages: dnsLabel(name), problems });
  checkImage(text(container['image']), path, problems);
  const pullPolicy = text(container['imagePullPolicy']);
  if (pullPolicy !== '' && !PULL_POLICIES.includes(pullPolicy))
    problems.notSupported(`${path}.imagePullPolicy`, pullPolicy, PULL_POLICIES);
  const termination = text(container['terminationMessagePolicy']);
  if (termination !== '' && !TERMINATION_POLICIES.includes(termination)) {
    problems.notSupported(`${path}.terminationMessagePolicy`, termination, TERMINATION_POLICIES);
  }
  const sidecar = container['restartPolicy'] === 'Always';
  if (init && !sidecar) checkInitOnly(container, path, problems);
  checkProbes(container, path, problems);
  checkPorts(items(container['ports']), `${path}.ports`, problems);
  checkEnvironment(container, path, problems);
  checkMounts(items(container['volumeMounts']), { path: `${path}.volumeMounts`, volumes }, problems);
  checkResources(asJson(container['resources']), `${path}.resources`, problems);
}

function checkImage(image: string, path: string, problems: Problems): void {
  if (image === '') problems.required(`${path}.image`);
  else if (image !== image.trim())
    problems.invalid(`${path}.image`, image, 'must not have leading or trailing whitespace');
}

function checkInitOnly(container: Json, path: string, problems: Problems): void {
  for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe']) {
    if (isJson(container[field]))
      problems.forbidden(
        `${path}.${field}`,
        'may not be set for init containers without restartPolicy=Always',
      );
  }
}

function checkPorts(ports: Json[], path: string, problems: Problems): void {
  const names = new Set<string>();
  const hostPorts = new Set<string>();
  ports.forEach((port, index) => {
    const at = `${path}[${index}]`;
    const name = text(port['name']);
    if (name !== '') {
      const messages = portName(name);
      checkFormat(`${at}.name`, name, { messages, problems });
      if (messages.length === 0 && names.has(name)) problems.duplicate(`${at}.name`, name);
      names.add(name);
    }
    const containerPort = port['containerPort'] ?? 0;
    if (containerPort === 0) problems.required(`${at}.containerPort`);
    else checkFormat(`${at}.containerPort`, containerPort, { messages: portNumber(containerPort), problems });
    checkHostPort(port, { path: at, seen: hostPorts }, problems);
    const protocol = text(port['protocol']);
    if (protocol === '') problems.required(`${at}.protocol`);
    else if (!PROTOCOLS.includes(protocol)) problems.notSupported(`${at}.protocol`, protocol, PROTOCOLS);
  });
}

function checkHostPort(
  port: Json,
  { path, seen }: { path: string; seen: Set<string> },
  problems: Problems,
): void {
  const hostPort = port['hostPort'] ?? 0;
  if (hostPort === 0) return;
  checkFormat(`${path}.hostPort`, hostPort, { messages: portNumber(hostPort), problems });
  const key = `${text(port['protocol'])}/${text(port['hostIP'])}/${String(hostPort)}`;
  if (seen.has(key)) problems.duplicate(`${path}.hostPort`, key);
  seen.add(key);
}

function checkMounts(
  mounts: Json[],
  { path, volumes }: { path: string; volumes: ReadonlySet<string> },
  problems: Problems,
): void {
  const paths = new Set<string>();
  mounts.forEach((mount, index) => {
    const at = `${path}[${index}]`;
    const name = text(mount['name']);
    const mountPath = text(mount['mountPath']);
    if (name === '') problems.required(`${at}.name`);
    if (!volumes.has(name)) problems.notFound(`${at}.name`, name);
    if (mountPath === '') problems.required(`${at}.mountPath`);
    if (paths.has(mountPath)) problems.invalid(`${at}.mountPath`, mountPath, 'must be unique');
    paths.add(mountPath);
    const subPath = text(mount['subPath']);
    if (subPath !== '') checkLocalPath(subPath, `${at}.subPath`, problems);
  });
}
