import type { ControlPlane } from '../control-plane/control-plane.ts';
import { applyObjects } from '../kubectl.ts';
import { makeVolumesFolder, proxyRights } from '../node/node.ts';
import { expectAlive, startProcess, type Running } from '../processes.ts';
import { waitUntil } from '../run-program.ts';
import { dnsObjects } from './dns.ts';
import { metricsObjects, metricsServerCommand } from './metrics.ts';
import { provisionerCommand, storageObjects } from './storage.ts';

/** Names, volumes and metrics. Needs a first node that is ready or about to be. */
export async function startAddOns(running: Running, { credentials, kubectl }: ControlPlane): Promise<void> {
  const pki = credentials.folder;
  const volumes = makeVolumesFolder();
  await applyObjects(kubectl, [proxyRights(), ...dnsObjects(), ...storageObjects(volumes)]);
  const provisioner = startProcess(running, 'local-path-provisioner', provisionerCommand(pki, volumes));
  const metricsServer = startProcess(running, 'metrics-server', metricsServerCommand(pki));
  await applyObjects(kubectl, metricsObjects());
  await waitUntil('CoreDNS', 90, async () => {
    const count = [
      '-n',
      'kube-system',
      'get',
      'deployment',
      'coredns',
      '-o',
      'jsonpath={.status.readyReplicas}',
    ];
    return (await kubectl(count)) === '1';
  });
  await waitUntil('metrics', 90, async () => {
    expectAlive(provisioner);
    expectAlive(metricsServer);
    const available = "{.status.conditions[?(@.type=='Available')].status}";
    const ask = ['get', 'apiservice', 'v1beta1.metrics.k8s.io', '-o', `jsonpath=${available}`];
    return (await kubectl(ask)) === 'True';
  });
}
