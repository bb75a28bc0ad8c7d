/**
 * Who may import whom among our own packages (ARCHITECTURE.md shows the same table). Everybody may import `kernel` and
 * their own files. Test files may also import `testkit`.
 */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  'packages/kernel': [],
  'packages/contract': [],
  'packages/authz': ['contract'],
  'packages/postgres': [],
  'packages/reconcile': ['postgres'],
  'packages/cluster': ['kubernetes'],
  'packages/kubernetes': [],
  'packages/features': ['contract', 'authz', 'postgres', 'reconcile', 'cluster'],
  'packages/http': ['contract', 'authz'],
  'packages/client': ['contract'],
  'packages/oidc': ['contract', 'postgres'],
  'packages/gateway': ['contract', 'authz', 'cluster', 'oidc'],
  'packages/testkit': ['contract', 'postgres', 'cluster', 'oidc', 'features'],
  'apps/cli': ['contract', 'client'],
  'apps/server': [
    'contract',
    'authz',
    'features',
    'postgres',
    'reconcile',
    'cluster',
    'kubernetes',
    'gateway',
    'oidc',
    'http',
    'client',
  ],
};

/** Narrower rules by file: the pattern's files may not import these packages although their package may. */
export const narrower: readonly { files: RegExp; mayNot: readonly string[]; why: string }[] = [
  {
    files: /^packages\/cluster\/src\/(?!drivers\/embedded\/)/,
    mayNot: ['kubernetes'],
    why: 'only the embedded driver knows the embedded Kubernetes',
  },
  {
    files: /^packages\/features\/src\/[^/]+\/(?!reconcile\/|observe\.ts|feature\.ts)/,
    mayNot: ['cluster'],
    why: 'a request writes intent; only reconcilers touch a cluster',
  },
];
