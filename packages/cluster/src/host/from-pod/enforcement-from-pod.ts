import { randomBytes } from 'node:crypto';
import { fenceNamespace, managedBy } from '../../drivers/vcluster/names.ts';
import { applyObject } from '../../kube-api/apply.ts';
import { KubeCallError, KubeRefusal } from '../../kube-api/call-errors.ts';
import type { TenantClient } from '../../port.ts';
import { bad, good, optional, type HostCheck } from '../host-check.ts';
import { documentOf, fetching, type IssuerCheck } from './issuer-from-pod.ts';
import { runPod } from './run-pod.ts';

const type = 'NetworkPoliciesEnforced';
const label = 'hexabase.ai/cut-off';

/** Rules for a pod may be written some time after its start; about a second each. */
const triesMax = 12;
/** A network that drops what it does not let through answers nothing at all. */
const trySeconds = 4;
const closed = 'cut off';
const open = 'still open';

/**
 * Whether the network enforces NetworkPolicies, by a pod that may send to nobody and asks for what another pod was just
 * seen to get: whoever enforces keeps it from that. Null when it could not be tried. Nothing of it is left on the host.
 */
export async function checkEnforcementFromPod(
  client: TenantClient,
  options: IssuerCheck & { image: string },
): Promise<HostCheck | null> {
  const { image, command, pullPolicy, signal } = options;
  const url = documentOf(options);
  const name = `hexabase-check-${randomBytes(4).toString('hex')}`;
  const labels = { [label]: name };
  const script = untilCutOff(command ?? fetching);
  try {
    const metadata = { name, namespace: fenceNamespace, labels: { ...managedBy } };
    const spec = { podSelector: { matchLabels: labels }, policyTypes: ['Egress'] };
    const policy = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata, spec };
    await applyObject(client, policy, { fieldManager: 'hexabase', force: true, signal });
    const whether = 'the network enforces NetworkPolicies';
    const found = await runPod(client, { image, pullPolicy, script, url, labels, signal, whether });
    return 'said' in found ? decided(found.said) : null;
  } catch (error) {
    if (!signal.aborted && !(error instanceof KubeRefusal) && !(error instanceof KubeCallError)) throw error;
    return null;
  } finally {
    await remove(client, name);
  }
}

/** For a shell. One failure may be chance; a second one right after it is the policy. */
export function untilCutOff(command: string): string {
  return `ask() {
  (${command}) >/dev/null 2>&1 & asking=$!
  (sleep ${trySeconds}; kill $asking) >/dev/null 2>&1 &
  wait $asking
}
tried=0
while [ $tried -lt ${triesMax} ]; do
  ask || ask || { echo '${closed}'; exit 0; }
  tried=$((tried + 1)); sleep 1
done
echo '${open}'`;
}

/** What the words of the pod mean; null when it did not come to an end. */
export function decided(said: string): HostCheck | null {
  if (said.includes(closed)) {
    const message = 'A pod that a policy cuts off reaches nothing: the network enforces NetworkPolicies';
    return optional(good(type, { reason: 'Tried', message }));
  }
  if (!said.includes(open)) return null;
  return optional(
    bad(type, {
      reason: 'NotEnforced',
      message: `A pod that a policy should cut off goes on reaching us: the network does not enforce NetworkPolicies, and workspaces are not separated on it`,
      todo: 'Install a network plugin that enforces them (Calico, Cilium, Antrea), or carry only tenants that trust each other.',
    }),
  );
}

async function remove(client: TenantClient, name: string): Promise<void> {
  const path = `/apis/networking.k8s.io/v1/namespaces/${fenceNamespace}/networkpolicies/${name}`;
  // Not with the caller's signal: it goes also when the check was given up.
  await client
    .request({ method: 'DELETE', path, signal: AbortSignal.timeout(10_000) })
    .catch(() => undefined);
}
