import { describe, expect, it } from 'vitest';
import { TenantConflictError } from '../../port.ts';
import { chosenVersion, minorOf, offeredMinors } from './kubernetes-version.ts';

const offered = ['v1.35.2', '1.34.4', 'v1.36.0'] as const;

describe('the Kubernetes version of a tenant', () => {
  it('is the first that is offered when nothing is wanted', () => {
    expect(chosenVersion(offered, null, 'here')).toBe('v1.35.2');
  });

  it('is the patch that is offered of the wanted minor', () => {
    expect(chosenVersion(offered, '1.34', 'here')).toBe('v1.34.4');
    expect(chosenVersion(offered, 'v1.36.9', 'here')).toBe('v1.36.0');
  });

  it('is never another minor than the wanted one', () => {
    expect(() => chosenVersion(offered, '1.33', 'here')).toThrow(TenantConflictError);
    expect(() => chosenVersion(offered, '1.33', 'here')).toThrow('it offers 1.34, 1.35, 1.36');
    expect(() => chosenVersion(offered, '1.3', 'here')).toThrow(TenantConflictError);
  });

  it('is compared by number', () => {
    expect(offeredMinors(['1.9.1', '1.10.2'])).toEqual(['1.9', '1.10']);
    expect(minorOf('v1.34.4+k3s1')).toBe(34);
    expect(minorOf('latest')).toBeNull();
  });
});
