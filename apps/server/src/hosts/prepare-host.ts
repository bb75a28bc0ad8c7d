import { ensureHostPolicies } from '@hexabase/cluster/drivers/vcluster/policies/ensure-host-policies.ts';
import type { TenantClient } from '@hexabase/cluster/port.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import { setTimeout as sleep } from 'node:timers/promises';

const retryMs = 60_000;

/** Installs the admission policies on a host; tried again until the host has taken or refused them. */
export async function prepareHost(
  client: TenantClient,
  { host, log, signal }: { host: string; log: Logger; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    try {
      const state = await ensureHostPolicies(client, { signal });
      if (state === 'installed') log.info({ host }, 'the admission policies are in place on a host cluster');
      else log.warn({ host, state }, 'a host cluster has no admission policies of ours');
      return;
    } catch (error) {
      if (signal.aborted) return;
      log.warn(
        { error, host },
        'the admission policies could not be installed on a host cluster; tried again',
      );
    }
    await sleep(retryMs, undefined, { ref: false, signal }).catch(() => undefined);
  }
}
