import type { AdmissionContext, Admitted, Plugin } from './context.ts';
import { defaultIngressClass, defaultStorageClass } from './default-classes.ts';
import { defaultTolerations } from './default-tolerations.ts';
import { limitRangerCheck, limitRangerDefaults } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { podSecurity } from './pod-security/pod-security.ts';
import { priority } from './priority.ts';
import { resourceQuota } from './resource-quota.ts';
import { serviceAccount } from './service-account.ts';
import { claimResize, storageProtection } from './storage-protection.ts';

/** Upstream's order: what changes the object, then what checks it. Quota comes last, so that only admitted changes count. */
const plugins: readonly Plugin[] = [
  namespaceLifecycle,
  limitRangerDefaults,
  serviceAccount,
  priority,
  defaultTolerations,
  defaultStorageClass,
  storageProtection,
  defaultIngressClass,
  limitRangerCheck,
  claimResize,
  podSecurity,
];

/**
 * Changes and checks one write, as the API server's built-in admission plugins do. The object is changed in place.
 * Throws a `StatusError` in upstream's words.
 */
export async function admit(context: AdmissionContext): Promise<Admitted> {
  for (const plugin of plugins) plugin(context);
  const release = resourceQuota(context);
  return { object: context.object, ...(release && { release }) };
}
