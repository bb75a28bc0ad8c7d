import { expect, it } from 'vitest';
import { checkTenantVersions } from './check-tenant-versions.ts';

const onHost = (host: string, offered: string[], vcluster: string | null = '0.36.0') =>
  checkTenantVersions({ host, offered, vcluster });

it('workspaces in which nothing would become ready on this host are told before one is made, and keep nobody out', () => {
  expect(onHost('v1.34.4', ['v1.34.4', 'v1.35.2']).status).toBe('True');
  expect(onHost('v1.33.1', ['v1.33.4']).status).toBe('True');
  const told = onHost('v1.34.4+k3s1', ['v1.33.4', 'v1.34.4']);
  expect(told).toMatchObject({ status: 'False', reason: 'TenantsTooOld', required: false });
  expect(told.message).toMatch(/Kubernetes v1\.33\.4 run .* with vCluster 0\.36\.0/);
});

it('a vCluster that brings over what nodes report has no such workspaces', () => {
  const status = (vcluster: string | null) => onHost('v1.34.4', ['v1.33.13'], vcluster).status;
  for (const one of ['0.35.3', '0.36.1', 'v0.36.1', '0.36.1@sha256:00', '0.37.0-rc.1', '1.0.0'])
    expect([one, status(one)]).toEqual([one, 'True']);
  for (const one of ['0.34.7', '0.35.2', '0.36.0']) expect([one, status(one)]).toEqual([one, 'False']);
  for (const one of [null, 'ours', '@sha256:00']) expect([one, status(one)]).toEqual([one, 'Unknown']);
});
