import { describe, expect, test } from 'vitest';
import { completed } from '../../auth/store-for-tests.ts';
import { attempt, create, openTeam, pod } from '../admit-for-tests.ts';

const level = (mode: string, name: string) => ({ [`pod-security.kubernetes.io/${mode}`]: name });

/** What a pod at the level `restricted` must say. */
const confined = {
  securityContext: {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
  },
};

const context = (securityContext: object) => ({ container: { securityContext } });
const podContext = (securityContext: object) => ({ spec: { securityContext } });

type PodParts = Parameters<typeof pod>[1];

const baselineCases: [string, PodParts][] = [
  ['privileged (container "c" must not set securityContext.privileged=true)', context({ privileged: true })],
  ['host namespaces (hostNetwork=true, hostPID=true)', { spec: { hostPID: true, hostNetwork: true } }],
  ['hostPath volumes (volume "v")', { spec: { volumes: [{ name: 'v', hostPath: { path: '/' } }] } }],
  [
    'hostPort (container "c" uses hostPort 80)',
    { container: { ports: [{ containerPort: 80, hostPort: 80 }] } },
  ],
  [
    'non-default capabilities (container "c" must not include "NET_ADMIN", "SYS_ADMIN" in securityContext.capabilities.add)',
    context({ capabilities: { add: ['SYS_ADMIN', 'NET_ADMIN', 'CHOWN'] } }),
  ],
  [
    'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
    context({ procMount: 'Unmasked' }),
  ],
  [
    'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
    podContext({ seccompProfile: { type: 'Unconfined' } }),
  ],
  [
    'seccompProfile (container "c" must not set securityContext.seccompProfile.type to "Unconfined")',
    context({ seccompProfile: { type: 'Unconfined' } }),
  ],
  [
    'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set; role may not be set)',
    context({ seLinuxOptions: { type: 'spc_t', user: 'u', role: 'r' } }),
  ],
  [
    'forbidden sysctls (kernel.msgmax)',
    podContext({ sysctls: [{ name: 'kernel.msgmax' }, { name: 'net.ipv4.tcp_syncookies' }] }),
  ],
  [
    'forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Unconfined")',
    context({ appArmorProfile: { type: 'Unconfined' } }),
  ],
  [
    'forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/c="unconfined"")',
    { metadata: { annotations: { 'container.apparmor.security.beta.kubernetes.io/c': 'unconfined' } } },
  ],
  [
    'hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)',
    podContext({ windowsOptions: { hostProcess: true } }),
  ],
  [
    'probe or lifecycle host (container "c" uses probe or lifecycle host "169.254.169.254")',
    { container: { livenessProbe: { httpGet: { host: '169.254.169.254', port: 80 } } } },
  ],
];

const restrictedCases: [string, PodParts][] = [
  [
    'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), ' +
      'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), ' +
      'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), ' +
      'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    {},
  ],
  [
    'unrestricted capabilities (container "c" must not include "CHOWN" in securityContext.capabilities.add)',
    context({
      ...confined.securityContext,
      capabilities: { drop: ['ALL'], add: ['CHOWN', 'NET_BIND_SERVICE'] },
    }),
  ],
  [
    'restricted volume types (volume "v" uses restricted volume type "hostPath")',
    {
      container: confined,
      spec: {
        volumes: [
          { name: 'v', hostPath: { path: '/' } },
          { name: 'w', emptyDir: {} },
        ],
        containers: [{ name: 'c', ...confined }],
      },
    },
  ],
  [
    'runAsUser=0 (container "c" must not set runAsUser=0)',
    context({ ...confined.securityContext, runAsUser: 0 }),
  ],
  [
    'runAsNonRoot != true (container "c" must not set securityContext.runAsNonRoot=false)',
    context({ ...confined.securityContext, runAsNonRoot: false }),
  ],
];

describe('enforce', () => {
  test.each(baselineCases)('baseline refuses %s', async (why, parts) => {
    await using cluster = await openTeam(level('enforce', 'baseline'));
    expect(await create(cluster, pod('p', parts))).toBe(
      `pods "p" is forbidden: violates PodSecurity "baseline:latest": ${why}`,
    );
  });

  test.each(restrictedCases)('restricted refuses %s', async (why, parts) => {
    await using cluster = await openTeam({
      ...level('enforce', 'restricted'),
      ...level('enforce-version', 'v1.30'),
    });
    expect(await create(cluster, pod('p', parts))).toBe(
      `pods "p" is forbidden: violates PodSecurity "restricted:v1.30": ${why}`,
    );
  });

  test('ordinary pods pass baseline, confined ones restricted, and everything without a label', async () => {
    await using baseline = await openTeam(level('enforce', 'baseline'));
    expect(await create(baseline, pod('p'))).toBe('created');
    await using restricted = await openTeam(level('enforce', 'restricted'));
    expect(await create(restricted, pod('p', { container: confined }))).toBe('created');
    await using free = await openTeam();
    expect(await create(free, pod('p', context({ privileged: true })))).toBe('created');
  });

  test.each(['initContainers', 'ephemeralContainers'])('%s are held to the same rules', async (field) => {
    await using cluster = await openTeam(level('enforce', 'baseline'));
    const spec = { [field]: [{ name: 'x', securityContext: { privileged: true } }] };
    expect(await create(cluster, pod('p', { spec }))).toContain('privileged (container "x"');
  });

  test('a debug container added later is judged', async () => {
    await using cluster = await openTeam(level('enforce', 'baseline'));
    const ephemeralContainers = [{ name: 'debug', securityContext: { privileged: true } }];
    const { refused } = await attempt(cluster, pod('p', { spec: { ephemeralContainers } }), {
      operation: 'UPDATE',
      subresource: 'ephemeralcontainers',
      old: completed(pod('p')),
    });
    expect(refused?.message).toContain('privileged (container "debug"');
  });

  test('labels of a pod that was admitted under milder rules can change, its image cannot', async () => {
    await using cluster = await openTeam(level('enforce', 'baseline'));
    const bad = context({ privileged: true });
    const old = completed(pod('p', bad));
    const update = { operation: 'UPDATE', old } as const;
    expect(
      (await attempt(cluster, pod('p', { ...bad, metadata: { labels: { a: 'b' } } }), update)).refused,
    ).toBeUndefined();
    const image = { container: { ...bad.container, image: 'other' } };
    expect((await attempt(cluster, pod('p', image), update)).refused?.code).toBe(403);
  });

  test('an unreadable level is taken for the strictest', async () => {
    await using cluster = await openTeam(level('enforce', 'nonsense'));
    expect(await create(cluster, pod('p'))).toContain('violates PodSecurity "restricted:latest"');
  });
});

test('in a user namespace root is allowed, an unmasked proc only below restricted', async () => {
  const given = pod('p', context({ procMount: 'Unmasked', runAsUser: 0 }));
  const userNamespace = { ...given, spec: { ...(given['spec'] as object), hostUsers: false } };
  await using baseline = await openTeam(level('enforce', 'baseline'));
  expect(await create(baseline, userNamespace)).toBe('created');
  await using restricted = await openTeam(level('enforce', 'restricted'));
  const refusal = await create(restricted, userNamespace);
  expect(refusal).toContain('procMount (container "c" must not set securityContext.procMount to "Unmasked")');
  expect(refusal).not.toContain('runAs');
});

describe('warn', () => {
  test('workloads are warned about and not refused', async () => {
    await using cluster = await openTeam(level('enforce', 'baseline'));
    const template = {
      spec: { containers: [{ name: 'c', securityContext: { privileged: true } }], hostNetwork: true },
    };
    const deployment = { kind: 'Deployment', metadata: { name: 'd', namespace: 'team' }, spec: { template } };
    const outcome = await attempt(cluster, deployment);
    expect(outcome.refused).toBeUndefined();
    expect(outcome.warnings).toEqual([
      'would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true), privileged (container "c" must not set securityContext.privileged=true)',
    ]);
    const cronJob = {
      kind: 'CronJob',
      metadata: { name: 'j', namespace: 'team' },
      spec: { jobTemplate: { spec: { template } } },
    };
    expect((await attempt(cluster, cronJob)).warnings).toHaveLength(1);
  });

  test('a pod that is only to be warned about is created with the warning', async () => {
    await using cluster = await openTeam(level('warn', 'restricted'));
    const outcome = await attempt(
      cluster,
      pod('p', {
        container: { ...confined, securityContext: { ...confined.securityContext, runAsUser: 0 } },
      }),
    );
    expect(outcome.warnings).toEqual([
      'would violate PodSecurity "restricted:latest": runAsUser=0 (container "c" must not set runAsUser=0)',
    ]);
  });
});

describe('namespaces', () => {
  const namespace = (labels: Record<string, string>) =>
    completed({ kind: 'Namespace', metadata: { name: 'team', labels } });

  test('a label that names no level or version is refused', async () => {
    await using cluster = await openTeam();
    const { refused } = await attempt(
      cluster,
      namespace({ ...level('enforce', 'bogus'), ...level('warn-version', '1.2') }),
    );
    expect(refused).toMatchObject({
      code: 422,
      message:
        'Namespace "team" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "bogus": must be one of privileged, baseline, restricted, ' +
        'metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.2": must be "latest" or "v1.x"]',
    });
  });

  test('tightening a namespace names the running pods that break the new level', async () => {
    await using cluster = await openTeam();
    await cluster.put('/pods', pod('a', context({ privileged: true })));
    await cluster.put('/pods', pod('b', context({ privileged: true })));
    await cluster.put('/pods', pod('fine'));
    const outcome = await attempt(cluster, namespace(level('enforce', 'baseline')), {
      operation: 'UPDATE',
      old: namespace({}),
    });
    expect(outcome.warnings).toEqual([
      'existing pods in namespace "team" violate the new PodSecurity enforce level "baseline:latest"',
      'a (and 1 other pod): privileged',
    ]);
  });
});
