import { readClusterUid } from './cluster-identity.ts';
import { bad, good, notAnswered, type HostCheck, type Look } from './host-check.ts';

const type = 'SameCluster';

/** Whether it is the cluster that was added; `known` is null as long as nobody has seen that one. */
export async function checkIdentity(
  { client, signal }: Look,
  known: string | null,
): Promise<{ check: HostCheck; clusterUid: string | null }> {
  try {
    const clusterUid = await readClusterUid(client, signal);
    if (known !== null && known !== clusterUid)
      return { check: another(known, clusterUid), clusterUid: null };
    const message = known === null ? 'It is seen for the first time' : 'It is the cluster that was added';
    return { check: good(type, { reason: known === null ? 'FirstSeen' : 'Same', message }), clusterUid };
  } catch (error) {
    return { check: notAnswered(type, error), clusterUid: null };
  }
}

function another(known: string, seen: string): HostCheck {
  return bad(type, {
    reason: 'AnotherCluster',
    message: `This is another cluster than the one that was added: its namespace kube-system has the uid ${seen}, that one had ${known}. Its workspaces are not looked for there`,
    todo: 'Give the kubeconfig of the right one: hexabase-cli host update NAME --kubeconfig FILE. A cluster that took its place on purpose: docs/operations/rights.md.',
  });
}
