import { expect, it } from 'vitest';
import { checkTenantVersions } from './check-tenant-versions.ts';

it('workspaces that would never have a ready pod on this host are told before one is made', () => {
  expect(checkTenantVersions('v1.34.4', ['v1.34.4', 'v1.35.2']).status).toBe('True');
  expect(checkTenantVersions('v1.33.1', ['v1.33.4']).status).toBe('True');
  const byDefault = checkTenantVersions('v1.34.4+k3s1', ['v1.33.4', 'v1.34.4']);
  expect(byDefault).toMatchObject({ status: 'False', reason: 'TenantsTooOld', required: true });
  expect(byDefault.message).toContain('v1.33.4');
  const onlyOffered = checkTenantVersions('v1.35.0', ['v1.34.4', 'v1.33.4']);
  expect(onlyOffered).toMatchObject({ status: 'False', required: false });
});
