import { asJson, items, stringMap, text } from '../../schema/json.ts';
import type { Json } from '../../schema/json.ts';
import { dnsLabel, dnsSubdomain, labelValue, qualifiedName } from '../formats.ts';
import { checkFormat } from '../problems.ts';
import type { Problems } from '../problems.ts';
import { checkContainer } from './container.ts';
import { checkScheduling } from './scheduling.ts';
import { checkVolumes } from './volume.ts';

const INT32_MAX = 2_147_483_647;

/** Rules that pods and pod templates share. */
export function checkPodSpec(spec: Json, path: string, problems: Problems): void {
  const volumes = checkVolumes(items(spec['volumes']), `${path}.volumes`, problems);
  const containers = items(spec['containers']);
  if (containers.length === 0) problems.required(`${path}.containers`);
  const names = new Set<string>();
  const lists = [
    ['containers', containers],
    ['initContainers', items(spec['initContainers'])],
  ] as const;
  for (const [list, members] of lists) {
    members.forEach((container, index) => {
      const at = `${path}.${list}[${index}]`;
      checkContainer(container, { path: at, volumes, init: list === 'initContainers' }, problems);
      const name = text(container['name']);
      if (names.has(name)) problems.duplicate(`${at}.name`, name);
      if (name !== '') names.add(name);
    });
  }
  checkEnums(spec, path, problems);
  checkNames(spec, path, problems);
  checkScheduling(spec, path, problems);
  checkTolerations(items(spec['tolerations']), `${path}.tolerations`, problems);
}

function checkEnums(spec: Json, path: string, problems: Problems): void {
  const restartPolicy = text(spec['restartPolicy']);
  if (restartPolicy === '') problems.required(`${path}.restartPolicy`);
  else if (!RESTART_POLICIES.includes(restartPolicy))
    problems.notSupported(`${path}.restartPolicy`, restartPolicy, RESTART_POLICIES);
  const dnsPolicy = text(spec['dnsPolicy']);
  if (dnsPolicy !== '' && !DNS_POLICIES.includes(dnsPolicy))
    problems.notSupported(`${path}.dnsPolicy`, dnsPolicy, DNS_POLICIES);
  if (
    dnsPolicy === 'None' &&
    items([asJson(spec['dnsConfig'])]).every((config) => !Array.isArray(config['nameservers']))
  ) {
    problems.required(
      `${path}.dnsConfig.nameservers`,
      'must provide at least one DNS nameserver when `dnsPolicy` is None',
    );
  }
  const deadline = spec['activeDeadlineSeconds'];
  if (typeof deadline === 'number' && (deadline < 1 || deadline > INT32_MAX)) {
    problems.invalid(
      `${path}.activeDeadlineSeconds`,
      deadline,
      `must be between 1 and ${INT32_MAX}, inclusive`,
    );
  }
  const grace = spec['terminationGracePeriodSeconds'];
  if (typeof grace === 'number' && grace < 0)
    problems.invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must be greater than or equal to 0');
}

const RESTART_POLICIES = ['Always', 'OnFailure', 'Never'];
const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'].sort();

function checkNames(spec: Json, path: string, problems: Problems): void {
  const formats = {
    serviceAccountName: dnsSubdomain,
    nodeName: dnsSubdomain,
    priorityClassName: dnsSubdomain,
    runtimeClassName: dnsSubdomain,
    hostname: dnsLabel,
    subdomain: dnsLabel,
  };
  for (const [field, format] of Object.entries(formats)) {
    const value = text(spec[field]);
    if (value !== '') checkFormat(`${path}.${field}`, value, { messages: format(value), problems });
  }
  const nodeSelector = `${path}.nodeSelector`;
  for (const [key, value] of Object.entries(stringMap(spec['nodeSelector']))) {
    checkFormat(nodeSelector, key, { messages: qualifiedName(key), problems });
    checkFormat(nodeSelector, value, { messages: labelValue(value), problems });
  }
}

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

function checkTolerations(tolerations: Json[], path: string, problems: Problems): void {
  tolerations.forEach((toleration, index) => {
    const at = `${path}[${index}]`;
    const key = text(toleration['key']);
    const operator = text(toleration['operator']);
    const effect = text(toleration['effect']);
    if (key !== '') checkFormat(`${at}.key`, key, { messages: qualifiedName(key), problems });
    else if (operator !== 'Exists')
      problems.invalid(
        `${at}.operator`,
        operator,
        'operator must be Exists when `key` is empty, which means "match all values and all keys"',
      );
    if (operator === 'Exists' && text(toleration['value']) !== '') {
      problems.invalid(
        `${at}.operator`,
        toleration['value'],
        "value must be empty when `operator` is 'Exists'",
      );
    }
    if (!['', 'Equal', 'Exists'].includes(operator))
      problems.notSupported(`${at}.operator`, operator, ['Equal', 'Exists']);
    if (effect !== '' && !EFFECTS.includes(effect)) problems.notSupported(`${at}.effect`, effect, EFFECTS);
    if (typeof toleration['tolerationSeconds'] === 'number' && effect !== 'NoExecute') {
      problems.invalid(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
    }
  });
}
