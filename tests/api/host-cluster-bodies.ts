/** The secret in the kubeconfigs of these tests: it must turn up nowhere. */
export const hostToken = 'token-of-the-host-cluster-that-nobody-may-read';

/** Nobody listens there, and the machine says so at once: a look at an address without an answer lasts seconds. */
export const hostServer = 'https://127.0.0.1:1';

/** A kubeconfig that leads nowhere; `user` and `cluster` replace or add fields. */
export function aKubeconfig(change: { user?: object; cluster?: object; token?: string } = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    clusters: [{ name: 'c', cluster: { server: hostServer, ...change.cluster } }],
    users: [{ name: 'u', user: change.user ?? { token: change.token ?? hostToken } }],
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u' } }],
  });
}

/** Body that adds a host cluster. */
export function aHostCluster(change: object = {}): Record<string, unknown> {
  return { name: 'fra-1', region: 'eu', kubeconfig: aKubeconfig(), ...change };
}
