import type { Weakening } from '../weakening.ts';
/** Checks on clusters: rights, admission, quotas. */
export const clustersWeakenings: readonly Weakening[] = [
  {
    attack: 'D01 the least role does not get %s',
    changes: [
      {
        file: 'packages/kubernetes/src/auth/rbac.ts',
        find: "return { allowed: false, reason: missing.length === 0 ? '' : `RBAC: ${joinErrors(missing)}` };",
        replace: 'return { allowed: true, reason: joinErrors(missing) };',
      },
    ],
    because: 'what no role allows is done',
  },
  {
    attack:
      'D01 whoever deploys in a project makes nobody admin of the project by a binding, a role or a label',
    changes: [
      {
        file: 'packages/kubernetes/src/auth/rbac.ts',
        find: "return { allowed: false, reason: missing.length === 0 ? '' : `RBAC: ${joinErrors(missing)}` };",
        replace: 'return { allowed: true, reason: joinErrors(missing) };',
      },
    ],
    because: 'what no role allows is done',
  },
  {
    attack: 'D04 labels of a namespace are not the least role’s to change: %s %s',
    changes: [
      {
        file: 'packages/kubernetes/src/auth/rbac.ts',
        find: "return { allowed: false, reason: missing.length === 0 ? '' : `RBAC: ${joinErrors(missing)}` };",
        replace: 'return { allowed: true, reason: joinErrors(missing) };',
      },
    ],
    because: 'what no role allows is done',
  },
  {
    attack:
      'D05 whoever deploys in a project does not lower the Pod Security level of its namespace, by any way',
    changes: [
      {
        file: 'packages/kubernetes/src/auth/rbac.ts',
        find: "return { allowed: false, reason: missing.length === 0 ? '' : `RBAC: ${joinErrors(missing)}` };",
        replace: 'return { allowed: true, reason: joinErrors(missing) };',
      },
    ],
    because: 'what no role allows is done',
  },
  {
    attack:
      'D07 whoever deploys in a project brings nothing of the whole cluster in with a bundle, made or applied',
    changes: [
      {
        file: 'packages/kubernetes/src/auth/rbac.ts',
        find: "return { allowed: false, reason: missing.length === 0 ? '' : `RBAC: ${joinErrors(missing)}` };",
        replace: 'return { allowed: true, reason: joinErrors(missing) };',
      },
    ],
    because: 'what no role allows is done',
  },
  {
    attack: 'D08 whoever deploys in a project reads and names no secret outside of its projects',
    changes: [
      {
        file: 'packages/kubernetes/src/auth/rbac.ts',
        find: "return { allowed: false, reason: missing.length === 0 ? '' : `RBAC: ${joinErrors(missing)}` };",
        replace: 'return { allowed: true, reason: joinErrors(missing) };',
      },
    ],
    because: 'what no role allows is done',
  },
  {
    attack:
      'D10 whoever deploys in a project reaches no disk of a node by a volume, and no volume by its name',
    changes: [
      {
        file: 'packages/kubernetes/src/auth/rbac.ts',
        find: "return { allowed: false, reason: missing.length === 0 ? '' : `RBAC: ${joinErrors(missing)}` };",
        replace: 'return { allowed: true, reason: joinErrors(missing) };',
      },
    ],
    because: 'what no role allows is done',
  },
  {
    attack:
      'D15 the ways into pods and nodes are refused to the least role, and never answered as if they worked',
    changes: [
      {
        file: 'packages/kubernetes/src/auth/rbac.ts',
        find: "return { allowed: false, reason: missing.length === 0 ? '' : `RBAC: ${joinErrors(missing)}` };",
        replace: 'return { allowed: true, reason: joinErrors(missing) };',
      },
    ],
    because: 'what no role allows is done',
  },
  {
    attack: 'D18 kinds that one may not list cannot be watched or read either: %s',
    changes: [
      {
        file: 'packages/kubernetes/src/auth/rbac.ts',
        find: "return { allowed: false, reason: missing.length === 0 ? '' : `RBAC: ${joinErrors(missing)}` };",
        replace: 'return { allowed: true, reason: joinErrors(missing) };',
      },
    ],
    because: 'what no role allows is done',
  },
  {
    attack: 'D18 kinds that one may not list are not shown as a table or by their metadata',
    changes: [
      {
        file: 'packages/kubernetes/src/auth/rbac.ts',
        find: "return { allowed: false, reason: missing.length === 0 ? '' : `RBAC: ${joinErrors(missing)}` };",
        replace: 'return { allowed: true, reason: joinErrors(missing) };',
      },
    ],
    because: 'what no role allows is done',
  },
  {
    attack: 'D02 impersonation through the gateway is refused, also to administrators: %j',
    changes: [
      {
        file: 'packages/gateway/src/request-headers.ts',
        find: 'if (identityHeader.test(name)) throw impersonation();',
        replace: '',
      },
    ],
    because: 'Impersonate-* reaches the cluster',
  },
  {
    attack: 'D03 groups are not the caller’s to choose when a token is made',
    changes: [
      {
        file: 'packages/http/src/parse-input.ts',
        find: 'if (parsed.success) return refuseUnstorable(parsed.data);',
        replace: 'return refuseUnstorable(parsed.success ? parsed.data : value);',
      },
    ],
    because: 'a body where none is expected is let through',
  },
  {
    attack:
      'D09 pods that would leave their container are refused in a project, also to its administrator: %s',
    changes: [
      {
        file: 'packages/kubernetes/src/admission/pod-security/pod-security.ts',
        find: "if (info.groupResource === '/pods') return onPod(context, object, namespace);",
        replace: '',
      },
    ],
    because: 'pods are not held to any standard',
  },
  {
    attack: 'D09 whoever deploys in a project does not get out by a container that is added later',
    changes: [
      {
        file: 'packages/kubernetes/src/admission/pod-security/pod-security.ts',
        find: "if (!['', 'ephemeralcontainers'].includes(context.subresource)) return;",
        replace: "if (context.subresource !== '') return;",
      },
    ],
    because: 'containers that are added later are not looked at',
  },
  {
    attack: 'D15 the ways into pods and nodes of another tenant are closed',
    changes: [
      {
        file: 'packages/oidc/src/tokens/verify.ts',
        find: "if (claims.aud !== audience) throw new AppError('unauthenticated');",
        replace: '',
      },
    ],
    because: 'a token of any workspace is taken at every address',
  },
  {
    attack: 'D17 a flood of pods at once gets exactly what the quota gives',
    changes: [
      {
        file: 'packages/kubernetes/src/admission/admit.ts',
        find: 'const release = resourceQuota(context);',
        replace: 'const release = undefined;',
      },
    ],
    because: 'quotas are only counted',
  },
  {
    attack: 'D19 what goes away takes nothing new, also when its status claims otherwise',
    changes: [
      {
        file: 'packages/kubernetes/src/admission/namespace-lifecycle.ts',
        find: "if (operation === 'CREATE' && isTerminating(home)) throw terminating(context);",
        replace: '',
      },
    ],
    because: 'what goes away is filled again',
  },
  {
    attack: 'A08 an operator of the platform who was let in to look changes nothing in the cluster',
    changes: [
      {
        file: 'packages/kubernetes/src/auth/rbac.ts',
        find: "return { allowed: false, reason: missing.length === 0 ? '' : `RBAC: ${joinErrors(missing)}` };",
        replace: 'return { allowed: true, reason: joinErrors(missing) };',
      },
    ],
    because: 'what no role allows is done',
  },
  {
    attack: 'A16 a second Host is refused at the gateway, whichever of the two is ours',
    changes: [
      {
        file: 'packages/gateway/src/enter.ts',
        find: 'requireOneHost(passage.request.rawHeaders)',
        replace: 'passage.request.headers.host',
      },
    ],
    because: 'whoever stands in front may have gone by the other one',
  },
];
