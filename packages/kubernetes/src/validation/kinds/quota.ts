import { asJson, items, text } from '../../schema/json.ts';
import type { Json } from '../../schema/json.ts';
import { cmp, formatQuantity, tryParseQuantity } from '../../schema/quantity.ts';
import { qualifiedName } from '../formats.ts';
import { checkAmounts } from '../pod/resources.ts';
import { checkFormat, sameJson } from '../problems.ts';
import type { Problems } from '../problems.ts';

const NANO = 1_000_000_000n;
/** Resources that a quota may name without a prefix. */
const QUOTA_RESOURCES = new Set([
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
]);
const COUNTED =
  /^(pods|services|replicationcontrollers|resourcequotas|secrets|configmaps|persistentvolumeclaims|services\..+|count\/.+)$/;

/** Rules of a ResourceQuota. */
export function checkResourceQuota(quota: Json, problems: Problems): void {
  const hard = asJson(asJson(quota['spec'])['hard']);
  const amounts = checkAmounts(hard, { path: 'spec.hard', names: checkQuotaResource }, problems);
  for (const [name, amount] of amounts) {
    if (COUNTED.test(name) && amount.nano % NANO !== 0n)
      problems.invalid(`spec.hard[${name}]`, formatQuantity(amount), 'must be an integer');
  }
}

/** The scopes of a ResourceQuota never change. */
export function checkResourceQuotaUpdate(quota: Json, old: Json, problems: Problems): void {
  const scopes = asJson(quota['spec'])['scopes'];
  if (!sameJson(scopes ?? [], asJson(old['spec'])['scopes'] ?? []))
    problems.invalid('spec.scopes', scopes ?? null, 'field is immutable');
}

function checkQuotaResource(name: string, path: string, problems: Problems): void {
  checkFormat(path, name, { messages: qualifiedName(name), problems });
  const known = QUOTA_RESOURCES.has(name) || name.includes('/') || /^(requests\.)?hugepages-/.test(name);
  if (!known) problems.invalid(path, name, 'must be a standard resource for quota');
}

const LIMIT_TYPES = new Set(['Pod', 'Container', 'PersistentVolumeClaim']);

/** Rules of a LimitRange: each type once, and min ≤ defaultRequest ≤ default ≤ max. */
export function checkLimitRange(limitRange: Json, problems: Problems): void {
  const types = new Set<string>();
  items(asJson(limitRange['spec'])['limits']).forEach((limit, index) => {
    const path = `spec.limits[${index}]`;
    const type = text(limit['type']);
    if (!LIMIT_TYPES.has(type) && !type.includes('/'))
      problems.invalid(`${path}.type`, type, 'must be a standard limit type or fully qualified');
    if (types.has(type)) problems.duplicate(`${path}.type`, type);
    types.add(type);
    if (type === 'Pod') {
      for (const field of ['default', 'defaultRequest']) {
        if (Object.keys(asJson(limit[field])).length > 0)
          problems.forbidden(`${path}.${field}`, "may not be specified when `type` is 'Pod'");
      }
    }
    checkLimitOrder(limit, path, problems);
  });
}

const ORDERS = [
  { low: 'min', high: 'max', at: 'min', words: ['min value', 'max value'] },
  { low: 'min', high: 'defaultRequest', at: 'defaultRequest', words: ['min value', 'default request value'] },
  { low: 'defaultRequest', high: 'max', at: 'defaultRequest', words: ['default request value', 'max value'] },
  {
    low: 'defaultRequest',
    high: 'default',
    at: 'defaultRequest',
    words: ['default request value', 'default limit value'],
  },
  { low: 'min', high: 'default', at: 'default', words: ['min value', 'default value'] },
  { low: 'default', high: 'max', at: 'default', words: ['default value', 'max value'] },
] as const;

function checkLimitOrder(limit: Json, path: string, problems: Problems): void {
  const names = new Set(
    ORDERS.flatMap(({ low, high }) => [
      ...Object.keys(asJson(limit[low])),
      ...Object.keys(asJson(limit[high])),
    ]),
  );
  for (const name of [...names].sort()) {
    for (const { low, high, at, words } of ORDERS) {
      const lower = tryParseQuantity(asJson(limit[low])[name]);
      const upper = tryParseQuantity(asJson(limit[high])[name]);
      if (!lower || !upper || cmp(lower, upper) <= 0) continue;
      const shown = formatQuantity(at === high ? upper : lower);
      problems.invalid(
        `${path}.${at}[${name}]`,
        shown,
        `${words[0]} ${formatQuantity(lower)} is greater than ${words[1]} ${formatQuantity(upper)}`,
      );
    }
  }
}
