import { parseQuantity } from '@hexabase/kernel/quantity.ts';
import { describe, expect, it } from 'vitest';
import { hardOf, promisedBy, scratch } from '../../../plan-bounds.ts';
import { controlPlaneResources, dnsResources, tierOf } from '../chart/values.ts';
import { resourceQuota } from './quota.ts';

const starter = { cpuMilli: 2000, memoryMib: 4096, storageGib: 20 };
const pro = { cpuMilli: 8000, memoryMib: 32_768, storageGib: 200 };
const enterprise = { cpuMilli: 64_000, memoryMib: 262_144, storageGib: 2000 };
const odd = { cpuMilli: 1500, memoryMib: 1000, storageGib: 1 };
const stateGib = 5;

type Hard = Readonly<Record<string, string>>;

const amount = (hard: Hard, name: string) => {
  const value = parseQuantity(hard[name] ?? '');
  if (value === null) throw new Error(`no ${name}`);
  return value;
};

describe.each([
  ['starter', starter],
  ['pro', pro],
  ['enterprise', enterprise],
  ['a plan of an operator', odd],
])('the quota on the host, with %s', (_name, size) => {
  const promised: Hard = hardOf(promisedBy(size));
  const hard: Hard = Object(resourceQuota(size, stateGib).spec).hard;
  const left = (name: string) => amount(hard, name) - amount(promised, name);
  const own = controlPlaneResources[tierOf(size.cpuMilli)];

  it('has room for all that a project’s quota promises, by each of its names', () => {
    expect(Object.keys(hard)).toEqual(expect.arrayContaining(Object.keys(promised)));
    for (const name of Object.keys(promised)) expect(left(name), name).toBeGreaterThanOrEqual(0);
  });

  it('has room for the control plane and the DNS then, as the chart says what they take', () => {
    for (const kind of ['requests', 'limits'] as const)
      for (const what of ['cpu', 'memory'] as const) {
        const taken = [own[kind][what], dnsResources[kind][what]].map((text) => parseQuantity(text) ?? NaN);
        expect(left(`${kind}.${what}`)).toBeCloseTo(taken.reduce((sum, one) => sum + one));
      }
    const ofDns = 2 * (parseQuantity(scratch.limit) ?? NaN);
    expect(left('limits.ephemeral-storage')).toBe(amount(own.limits, 'ephemeral-storage') + ofDns);
    expect(left('requests.storage')).toBe(stateGib * 2 ** 30);
    expect(left('persistentvolumeclaims')).toBe(1);
    // Its pod, and the old pod of its DNS beside the new one.
    expect(left('pods')).toBe(3);
    expect(left('count/pods')).toBeGreaterThan(3);
    expect(left('services')).toBeGreaterThanOrEqual(3);
  });
});

describe('a plan', () => {
  it('bounds what is requested; limits may be twice that', () => {
    expect(hardOf(promisedBy(starter))).toMatchObject({
      'requests.cpu': '2',
      'limits.cpu': '4',
      'requests.memory': '4Gi',
      'limits.memory': '8Gi',
      pods: '100',
    });
    expect(hardOf(promisedBy(pro))).toMatchObject({ 'requests.cpu': '8', 'limits.cpu': '16' });
  });

  it('reads as Kubernetes writes it back, whatever its size, so that nobody writes it at each look', () => {
    // As a ResourceQuota is shown for which 1000, 1024Gi and 1048576Mi were written.
    expect(hardOf(promisedBy({ cpuMilli: 22_000, memoryMib: 2 ** 20, storageGib: 1024 }))).toMatchObject({
      'count/pods': '1k',
      'requests.cpu': '22',
      'requests.memory': '1Ti',
      'limits.memory': '2Ti',
      'requests.storage': '1Ti',
      'limits.ephemeral-storage': '2068Gi',
    });
    expect(hardOf(promisedBy({ cpuMilli: 500, memoryMib: 1000, storageGib: 502 }))).toMatchObject({
      'requests.cpu': '500m',
      'limits.cpu': '1',
      'requests.memory': '1000Mi',
      'requests.storage': '502Gi',
      'limits.ephemeral-storage': '1Ti',
    });
  });
});
