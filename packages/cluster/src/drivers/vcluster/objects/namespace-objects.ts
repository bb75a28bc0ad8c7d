import { stringify } from 'yaml';
import { authenticationConfiguration } from '../../../authentication-configuration.ts';
import type { ApplicableObject } from '../../../kube-api/apply.ts';
import type { TenantSpec } from '../../../port.ts';
import { authenticationConfigMap, authenticationFile } from '../chart/values.ts';
import type { MetricsService } from '../host/metrics-service.ts';
import { namesOf, note, ownerLabels } from '../names.ts';
import { isolationLabel, poolLabel } from '../policies/host-policy.ts';
import { networkPolicies, type HostNetworks } from './network-policies.ts';
import { limitRange, resourceQuota } from './quota.ts';

export interface NamespaceSettings {
  issuerAuthority: string | null;
  discoveryUrl: string | undefined;
  controlPlaneNamespace: string | null;
  networks?: HostNetworks | undefined;
  /** What serves the host's metrics API; null without one. */
  metrics: MetricsService | null;
  /** On which the host's API servers listen, besides the usual ones. */
  apiPorts: readonly number[];
  /** Size of the volume with the control plane's state. */
  stateGib: number;
  /** The tenant's, `v1.34.4`. */
  kubernetesVersion?: string | undefined;
}

/** The namespace itself; `ended` is written last of all, when everything else is as the generation wants it. */
export function tenantNamespace(
  spec: TenantSpec,
  ended?: { generation: number; applied: string; release: string },
): ApplicableObject {
  const { workspaceId, isolation, slug, fence } = spec;
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: namesOf(workspaceId).namespace,
      labels: {
        ...ownerLabels(workspaceId),
        [isolationLabel]: isolation,
        ...(isolation === 'dedicated' && { [poolLabel]: workspaceId }),
        'pod-security.kubernetes.io/enforce': 'baseline',
        'pod-security.kubernetes.io/enforce-version': 'latest',
        'pod-security.kubernetes.io/warn': 'restricted',
        'pod-security.kubernetes.io/warn-version': 'latest',
      },
      annotations: {
        [note.slug]: slug,
        [note.fence]: String(fence),
        ...(ended && {
          [note.generation]: String(ended.generation),
          [note.applied]: ended.applied,
          [note.release]: ended.release,
          [note.ended]: String(fence),
        }),
      },
    },
  };
}

/** What is in the namespace besides the chart's objects: limits, network policies, and whom the tenant trusts. */
export function namespaceObjects(spec: TenantSpec, settings: NamespaceSettings): ApplicableObject[] {
  const { release } = namesOf(spec.workspaceId);
  const { issuer, audience } = spec.identity;
  const { issuerAuthority, stateGib } = settings;
  const configuration = authenticationConfiguration({
    issuer,
    audience,
    certificateAuthority: issuerAuthority,
    kubernetesVersion: settings.kubernetesVersion,
    ...(settings.discoveryUrl !== undefined && { discoveryUrl: settings.discoveryUrl }),
  });
  return [
    resourceQuota(spec.size, stateGib),
    limitRange(),
    ...networkPolicies({ ...settings, release, issuer }),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: authenticationConfigMap },
      data: { [authenticationFile]: stringify(configuration) },
    },
  ];
}
