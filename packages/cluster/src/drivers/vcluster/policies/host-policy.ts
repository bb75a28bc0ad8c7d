/**
 * One rule of a host cluster, in CEL. `native.ts` writes it as a ValidatingAdmissionPolicy and `kyverno.ts` as a Kyverno
 * ClusterPolicy, so that both say the same by construction.
 */
export interface HostPolicy {
  name: string;
  /**
   * `workspaces` touches nothing but our own objects; we install it. `cluster` changes what others may do on the host;
   * its operator applies it if they want it.
   */
  scope: 'workspaces' | 'cluster';
  /** One sentence: what it is for. */
  purpose: string;
  match: readonly HostMatch[];
  /** Only in namespaces of workspaces, which is to say with the label of one. */
  inWorkspaces?: boolean;
  /** Only objects that carry the label of a workspace themselves. */
  labelled?: boolean;
  /** Does not bind us and the host's administrators: whoever may `own` the made-up resource `workspaces.hexabase.ai`. */
  exceptOwners?: boolean;
  /** Compared with each fence record, as `params`. */
  fenceRecords?: boolean;
  /** All must hold, or the policy does not apply. */
  conditions?: readonly { name: string; expression: string }[];
  /** HTTP status of a refusal: `Invalid` is 422, so that a worker tells it from a missing right; else 403. */
  reason?: 'Invalid';
  variables?: readonly { name: string; expression: string }[];
  validations: readonly HostValidation[];
}

export interface HostMatch {
  apiGroup: string;
  apiVersion: string;
  /** Plural, as RBAC and native policies name it: `pods`, `pods/ephemeralcontainers`. */
  resource: string;
  /** As Kyverno names it: `Pod`. */
  kind: string;
  operations: readonly HostOperation[];
}

export type HostOperation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

export interface HostValidation {
  /** CEL; true is fine. */
  expression: string;
  /** What the one who is refused reads. */
  message: string;
  /** CEL, a list of texts: what of many it is that is refused, and the message ends with. */
  named?: string;
}

/** Label of a workspace’s namespace: `shared` or `dedicated`. */
export const isolationLabel = 'hexabase.ai/isolation';
/**
 * Nodes of one workspace alone carry this label and a taint of the same key: value the workspace's id, effect
 * `NoSchedule`. Its namespace carries the label too.
 */
export const poolLabel = 'hexabase.ai/pool';

/** CEL: this request is about something in the namespace of a workspace. */
export const inWorkspaceNamespace = "request.namespace.startsWith('hexabase-ws-')";

/** CEL: the account of a workspace’s own control plane asks, so in truth its tenant. */
export const askedByTenant = "request.userInfo.username.startsWith('system:serviceaccount:hexabase-ws-')";

/** The tenant reads a refusal as an event: Kubernetes takes 1024 bytes of one, and none that has more. */
const namedCharactersMax = 300;

/** Of a rule that was broken: what is said of it, and the CEL by which it names what broke it. */
export function messageOf({ message, named }: HostValidation): {
  message: string;
  messageExpression?: string;
} {
  if (named === undefined) return { message };
  const all = `${named}.join(', ')`;
  const some = `${all}.size() > ${namedCharactersMax} ? ${all}.substring(0, ${namedCharactersMax}) + '…' : ${all}`;
  // A text of JSON is one of CEL.
  return { message, messageExpression: `${JSON.stringify(`${message}: `)} + (${some})` };
}

type Short = readonly [resource: string, kind: string];

/** Several resources of one group with the same operations. */
export function matching(
  group: `${string}/${string}`,
  resources: readonly Short[],
  operations: readonly HostOperation[],
): HostMatch[] {
  const [apiGroup = '', apiVersion = ''] = group.split('/');
  return resources.map(([resource, kind]) => ({ apiGroup, apiVersion, resource, kind, operations }));
}
