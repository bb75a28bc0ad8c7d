import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import {
  fieldOf,
  listOf,
  metaOf,
  textOf,
  type Json,
} from '@hexabase/cluster/drivers/vcluster/host/objects.ts';
import { readAll } from '@hexabase/cluster/drivers/vcluster/host/read.ts';
import type { KubeClient } from '@hexabase/cluster/kube-api/client.ts';
import { resourcePath } from '@hexabase/cluster/kube-api/resource-path.ts';
import { makeAuthority, signServer } from '@hexabase/kernel/certificates/sign-certificates.ts';
import { listen } from './fault-proxy.ts';
import { dnsPath, sayDns } from './tenant-dns.ts';

/**
 * Stands in for the kubelet, and for the vCluster in the pods: pods of control planes become Ready, the Secret with the
 * administrator's kubeconfig appears, and the tenants' APIs answer behind one port, told apart by the name that TLS asks
 * for, each with an authority of its own. What answers is given (`TenantApis`), while the pod is there; only `/version` and
 * the name server are said by the stand-in, from the image of the tenant's pod and from its values.
 */
export interface StandInTenants extends AsyncDisposable {
  port: number;
}

/** Answers what is asked of tenants. */
export interface TenantApis extends AsyncDisposable {
  /** Of an administrator. */
  token: string;
  answer(tenant: string, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void>;
}

interface Tenant {
  authority: string;
  context: SecureContext;
  /** Of its running pod; null while there is none. */
  version: string | null;
}

const oftenMs = 100;

/** `lookMs`: pause between two looks at all pods, which cost the more the more there are. */
export async function startTenants(
  host: KubeClient,
  apis: TenantApis,
  { lookMs = oftenMs }: { lookMs?: number } = {},
): Promise<StandInTenants> {
  const tenants = new Map<string, Tenant>();
  const stopped = new AbortController();
  const server = createServer(
    {
      SNICallback: (name, done) => {
        const tenant = tenants.get(name);
        done(tenant ? null : new Error('there is no such tenant'), tenant?.context);
      },
    },
    (incoming, outgoing) => {
      const name = incoming.headers.host ?? '';
      const version = tenants.get(name)?.version ?? null;
      if (version === null) outgoing.destroy();
      else if (incoming.url === '/version') sayVersion(outgoing, version);
      else if (incoming.url === dnsPath) void sayDns(host, name, outgoing).catch(() => outgoing.destroy());
      else void apis.answer(name, incoming, outgoing);
    },
  );
  server.on('tlsClientError', () => undefined);
  const port = await listen(server);
  const looking = (async () => {
    while (!stopped.signal.aborted) {
      // What fails at this look is there at the next.
      await lookAround(host, { tenants, token: apis.token }).catch(() => undefined);
      await sleep(lookMs);
    }
  })();
  return {
    port,
    async [Symbol.asyncDispose]() {
      stopped.abort();
      await looking;
      server.close();
      server.closeAllConnections();
    },
  };
}

function sayVersion(outgoing: ServerResponse, gitVersion: string): void {
  outgoing.writeHead(200, { 'content-type': 'application/json' });
  outgoing.end(JSON.stringify({ gitVersion }));
}

interface Known {
  tenants: Map<string, Tenant>;
  token: string;
}

async function lookAround(host: KubeClient, known: Known): Promise<void> {
  const labelSelector = 'app=vcluster';
  const pods = await readAll(
    host,
    { apiVersion: 'v1', kind: 'Pod', labelSelector },
    AbortSignal.timeout(5_000),
  );
  const living = pods.filter((pod) => !metaOf(pod).deleting);
  const running = new Set(living.map(placeOf));
  for (const [place, tenant] of known.tenants) if (!running.has(place)) tenant.version = null;
  await Promise.all(living.map((pod) => bringUp(host, pod, known)));
}

/** The name that clients of the tenant ask for. */
function placeOf(pod: Json): string {
  const { labels, namespace } = metaOf(pod);
  return `${textOf(labels['release'])}.${namespace}`;
}

async function bringUp(host: KubeClient, pod: Json, { tenants, token }: Known): Promise<void> {
  const place = placeOf(pod);
  const tenant = tenants.get(place) ?? newTenant(place);
  tenants.set(place, tenant);
  const { labels, namespace, name } = metaOf(pod);
  const ready = listOf(fieldOf(pod, 'status', 'conditions')).some(({ type }) => type === 'Ready');
  if (!ready) {
    const secret = {
      metadata: { name: `${textOf(labels['release'])}-certs` },
      data: { 'admin.conf': Buffer.from(kubeconfigText(tenant, token)).toString('base64') },
    };
    await host.request({ method: 'POST', path: resourcePath('v1', 'Secret', { namespace }), body: secret });
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() }];
    const path = `${resourcePath('v1', 'Pod', { namespace, name })}/status`;
    await host.request({ method: 'PATCH', path, body: { status: { phase: 'Running', conditions } } });
  }
  tenant.version = versionOf(pod);
}

function newTenant(place: string): Tenant {
  const authority = makeAuthority([place], Date.now());
  const { certPem, keyPem } = signServer(authority, [place], Date.now());
  return {
    authority: authority.certPem,
    context: createSecureContext({ cert: certPem, key: keyPem }),
    version: null,
  };
}

function kubeconfigText({ authority }: Tenant, token: string): string {
  const data = Buffer.from(authority).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'own', cluster: { server: 'https://localhost:8443', 'certificate-authority-data': data } },
    ],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'own', context: { cluster: 'own', user: 'admin' } }],
    'current-context': 'own',
  });
}

/** The chart copies Kubernetes from an image whose tag is the version. */
function versionOf(pod: Json): string {
  const init = listOf(fieldOf(pod, 'spec', 'initContainers'));
  return (
    textOf(init.find(({ name }) => name === 'kubernetes')?.['image'])
      .split(':')
      .at(-1) ?? ''
  );
}
