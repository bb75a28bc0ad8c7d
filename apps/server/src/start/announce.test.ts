import { expect, it } from 'vitest';
import { announcement } from './announce.ts';

it.each([
  ['embedded', [], 'simulated Kubernetes'],
  ['local', [], 'a real kube-apiserver and etcd of its own; its nodes and containers are simulated'],
  ['embedded', ['metal'], 'vClusters on your host cluster; `hexabase-cli host check metal` looks at it'],
  [
    'embedded',
    ['metal', 'cloud'],
    'vClusters on your host clusters; `hexabase-cli host check metal` looks at one',
  ],
] as const)('what workspaces are is told as it is: %s %s', (builtInDriver, hostNames, words) => {
  const text = announcement({
    httpUrl: 'http://localhost:8080',
    httpsUrl: 'https://localhost:8443',
    dataDir: '/data',
    owner: null,
    notSignedIn: null,
    launcher: 'hks',
    builtInDriver,
    hostNames,
    hostKnownAs: null,
  });
  expect(text).toContain(words);
});

it('a cluster that is known under another name is told with that name', () => {
  const text = announcement({
    httpUrl: 'http://localhost:8080',
    httpsUrl: 'https://localhost:8443',
    dataDir: '/data',
    owner: null,
    notSignedIn: null,
    launcher: 'hks',
    builtInDriver: 'embedded',
    hostNames: ['metal'],
    hostKnownAs: 'metal',
  });
  expect(text).toContain('The cluster of --host-kubeconfig is your host cluster metal already');
  expect(text).toContain('hexabase-cli host update metal --kubeconfig FILE');
});
