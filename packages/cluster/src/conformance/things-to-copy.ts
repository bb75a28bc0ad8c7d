const core = '/api/v1/namespaces/shop';
const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/shop';
const apiGroup = 'rbac.authorization.k8s.io';
const pod = {
  metadata: { labels: { app: 'web' } },
  spec: {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [{ name: 'web', image: 'registry.example/web:1' }],
  },
};

/** One of everything that people make, with the collection that it is posted to, in order. */
export const thingsToCopy: readonly (readonly [string, object])[] = [
  [
    '/api/v1/namespaces',
    { metadata: { name: 'shop', labels: { team: 'blue', 'workspace-id': 'of-the-source' } } },
  ],
  [`${core}/configmaps`, { metadata: { name: 'settings' }, data: { colour: 'red' } }],
  [`${core}/secrets`, { metadata: { name: 'password' }, data: { word: 'c2VjcmV0' } }],
  [`${core}/serviceaccounts`, { metadata: { name: 'robot' } }],
  [
    `${core}/secrets`,
    {
      metadata: { name: 'robot-token', annotations: { 'kubernetes.io/service-account.name': 'robot' } },
      type: 'kubernetes.io/service-account-token',
      data: { extra: 'c291cmNlLXRva2Vu' },
    },
  ],
  [
    `${core}/services`,
    {
      metadata: { name: 'web' },
      spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
    },
  ],
  [
    `${core}/persistentvolumeclaims`,
    {
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    },
  ],
  [
    '/apis/apps/v1/namespaces/shop/deployments',
    {
      metadata: { name: 'web' },
      spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template: pod },
    },
  ],
  [
    '/apis/batch/v1/namespaces/shop/cronjobs',
    {
      metadata: { name: 'nightly' },
      spec: {
        schedule: '0 3 * * *',
        jobTemplate: { spec: { template: { spec: { ...pod.spec, restartPolicy: 'Never' } } } },
      },
    },
  ],
  [
    `${rbac}/roles`,
    { metadata: { name: 'reader' }, rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] },
  ],
  [
    `${rbac}/rolebindings`,
    {
      metadata: { name: 'reader' },
      roleRef: { apiGroup, kind: 'Role', name: 'reader' },
      subjects: [
        { kind: 'ServiceAccount', name: 'robot', namespace: 'shop' },
        { kind: 'User', apiGroup, name: 'hexabase:ann@example.test' },
      ],
    },
  ],
  [
    `${rbac}/rolebindings`,
    {
      metadata: { name: 'people' },
      roleRef: { apiGroup, kind: 'Role', name: 'reader' },
      subjects: [{ kind: 'Group', apiGroup, name: 'hexabase:ws-users' }],
    },
  ],
];
