import { minorOf } from '../drivers/vcluster/kubernetes-version.ts';
import { KubeCallError } from '../kube-api/call-errors.ts';
import { at, bad, good, unsure, type HostCheck, type Look } from './host-check.ts';

/** Kubernetes that vCluster of the 0.36 line and our policies are made for. */
const oldestMinor = 28;

export interface VersionSeen {
  checks: HostCheck[];
  /** `v1.34.4`; null when the API did not answer: then nothing else can be looked at. */
  version: string | null;
}

/** The first look: is it there, does it take our credentials, is it new enough. */
export async function checkVersion({ client, signal }: Look): Promise<VersionSeen> {
  let status: number;
  let body: unknown;
  try {
    ({ status, body } = await client.request({ method: 'GET', path: '/version', signal }));
  } catch (error) {
    if (error instanceof KubeCallError) return { checks: [unreachable(error)], version: null };
    throw error;
  }
  if (status === 401) return { checks: [refused()], version: null };
  const version = at(body, 'gitVersion');
  const minor = typeof version === 'string' ? minorOf(version) : null;
  if (status !== 200 || typeof version !== 'string' || minor === null) {
    const check = bad('Reachable', {
      reason: 'NoKubernetes',
      message: `The address answers ${status}, and not as a Kubernetes API does`,
      todo: 'Compare the server in the kubeconfig with that of the cluster.',
    });
    return { checks: [check], version: null };
  }
  const reachable = good('Reachable', { reason: 'Answers', message: 'The Kubernetes API answers' });
  return { checks: [reachable, supported(version, minor)], version };
}

function supported(version: string, minor: number): HostCheck {
  if (minor >= oldestMinor)
    return good('VersionSupported', { reason: 'NewEnough', message: `Kubernetes ${version}` });
  return bad('VersionSupported', {
    reason: 'TooOld',
    message: `Kubernetes ${version}; 1.${oldestMinor} or newer is needed`,
    todo: 'Upgrade the host cluster.',
  });
}

function unreachable(error: KubeCallError): HostCheck {
  if (error.reason === 'untrusted') {
    return bad('Reachable', {
      reason: 'CertificateNotTrusted',
      message: `The certificate of the API is not to be trusted: ${error.message}`,
      todo: 'Put the right authority into the kubeconfig and give it again.',
    });
  }
  return unsure('Reachable', {
    reason: error.reason === 'timeout' ? 'TooSlow' : 'NoAnswer',
    message: `The Kubernetes API does not answer: ${error.message}`,
    todo: 'Look whether the cluster runs and whether this machine reaches its API.',
  });
}

function refused(): HostCheck {
  return bad('Reachable', {
    reason: 'CredentialsRefused',
    message: 'The Kubernetes API does not take the credentials: they have ended or were revoked',
    todo: 'Make new ones and give them: hexabase-cli host update NAME --kubeconfig FILE.',
  });
}
