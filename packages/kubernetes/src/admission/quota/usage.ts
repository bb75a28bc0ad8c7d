import { quantityOf, type Quantity } from '../../schema/quantity.ts';
import { fieldsOf, objectsOf, textOf, type Json } from '../../auth/fields.ts';
import type { GroupResource, KubeObject } from '../../types.ts';
import { amountsOf, podAmounts, type Amounts } from '../pod-resources.ts';

const storageClassSuffix = '.storageclass.storage.k8s.io/';
const one = quantityOf(1);

/** Kinds that quotas count under a plain name as well as under `count/…`. */
const plainNames: ReadonlySet<string> = new Set([
  'pods',
  'services',
  'configmaps',
  'secrets',
  'persistentvolumeclaims',
  'replicationcontrollers',
  'resourcequotas',
]);

/** What one object of a kind adds to the usage of quotas (pkg/quota/v1/evaluator). `nowMs` decides on dying pods. */
export function usageOf(resource: GroupResource, object: KubeObject, nowMs: number): Amounts {
  const usage: Amounts = new Map([[countName(resource), one]]);
  const spec = fieldsOf(object['spec']);
  switch (resource) {
    case '/pods':
      if (isCharged(object, nowMs)) addComputeUsage(usage, spec);
      break;
    case '/services':
      addServiceUsage(usage, spec);
      break;
    case '/persistentvolumeclaims':
      addClaimUsage(usage, object, spec);
      break;
    default: {
      const plural = resource.slice(1);
      if (resource.startsWith('/') && plainNames.has(plural)) usage.set(plural, one);
    }
  }
  return usage;
}

/** The kind whose objects a quota's resource name measures; undefined for names that nothing here fills. */
export function measuredKind(name: string): GroupResource | undefined {
  if (name.startsWith('count/')) {
    const [plural = '', ...group] = name.slice('count/'.length).split('.');
    return `${group.join('.')}/${plural}`;
  }
  if (name.startsWith('services.')) return '/services';
  if (plainNames.has(name)) return `/${name}`;
  if (name === 'requests.storage' || name.includes(storageClassSuffix)) return '/persistentvolumeclaims';
  return isComputeName(name) ? '/pods' : undefined;
}

/** Usage names of one container, to find which required ones it does not state. */
export function computeUsage(requests: Amounts, limits: Amounts): Amounts {
  const usage: Amounts = new Map([['pods', one]]);
  for (const name of ['cpu', 'memory', 'ephemeral-storage']) {
    set(usage, name, requests.get(name));
    set(usage, `requests.${name}`, requests.get(name));
    set(usage, `limits.${name}`, limits.get(name));
  }
  for (const [name, amount] of requests) {
    if (name.startsWith('hugepages-')) usage.set(name, amount);
    if (name.startsWith('hugepages-') || name.includes('/')) usage.set(`requests.${name}`, amount);
  }
  return usage;
}

function addComputeUsage(usage: Amounts, spec: Json): void {
  for (const [name, amount] of computeUsage(podAmounts(spec, 'requests'), podAmounts(spec, 'limits')))
    usage.set(name, amount);
}

function isComputeName(name: string): boolean {
  const base = name.replace(/^(requests|limits)\./, '');
  return (
    ['cpu', 'memory', 'ephemeral-storage'].includes(base) ||
    base.startsWith('hugepages-') ||
    base.includes('/')
  );
}

/** Finished pods and pods whose grace period has run out take no compute resources. */
function isCharged(pod: KubeObject, nowMs: number): boolean {
  const phase = fieldsOf(pod['status'])['phase'];
  if (phase === 'Failed' || phase === 'Succeeded') return false;
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return true;
  return nowMs <= Date.parse(deletionTimestamp);
}

function addServiceUsage(usage: Amounts, spec: Json): void {
  const ports = objectsOf(spec['ports']);
  const isBalancer = spec['type'] === 'LoadBalancer';
  const explicitOnly = isBalancer && spec['allocateLoadBalancerNodePorts'] === false;
  const nodePorts = explicitOnly ? ports.filter((port) => Number(port['nodePort'] ?? 0) !== 0) : ports;
  const usesNodePorts = isBalancer || spec['type'] === 'NodePort';
  usage.set('services', one);
  usage.set('services.loadbalancers', quantityOf(isBalancer ? 1 : 0));
  usage.set('services.nodeports', quantityOf(usesNodePorts ? nodePorts.length : 0));
}

function addClaimUsage(usage: Amounts, claim: KubeObject, spec: Json): void {
  const annotated = claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'];
  const className = annotated ?? textOf(spec['storageClassName']);
  const prefixes = className === '' ? [''] : ['', `${className}${storageClassSuffix}`];
  const requested = wholeBytes(amountsOf(fieldsOf(spec['resources'])['requests']).get('storage'));
  for (const prefix of prefixes) {
    usage.set(`${prefix}persistentvolumeclaims`, one);
    if (requested) usage.set(`${prefix}requests.storage`, requested);
  }
}

function wholeBytes(amount: Quantity | undefined): Quantity | undefined {
  if (!amount) return undefined;
  const unit = 1_000_000_000n;
  const rest = amount.nano % unit;
  return rest === 0n ? amount : { ...amount, nano: amount.nano - rest + unit };
}

function countName(resource: GroupResource): string {
  const [group = '', plural = ''] = resource.split('/');
  return group === '' ? `count/${plural}` : `count/${plural}.${group}`;
}

function set(usage: Amounts, name: string, amount: Quantity | undefined): void {
  if (amount) usage.set(name, amount);
}
