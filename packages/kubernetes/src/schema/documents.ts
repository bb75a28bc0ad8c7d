import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { apiVersionOf, groupVersions, splitApiVersion } from './catalog.ts';
import { discovery } from './discovery-data.ts';
import { generatedBytes } from './generated-data.ts';

/** An OpenAPI v3 document. The hash makes its URL immutable. */
export interface OpenApiDocument {
  hash: string;
  gzip: Buffer;
  /** Uncompressed bytes, for clients without gzip. Not kept in memory. */
  json: () => Buffer;
}

/** `/openapi/v3`: where the documents are, under `basePath` ('' at the root), which clients take as path of the same host. */
export function openApiIndex(basePath: string): { paths: Record<string, { serverRelativeURL: string }> } {
  const entries = groupVersions().map((gv) => {
    const path = documentPath(apiVersionOf(gv));
    return [
      path,
      { serverRelativeURL: `${basePath}/openapi/v3/${path}?hash=${openApiDocument(path)?.hash ?? ''}` },
    ] as const;
  });
  return { paths: Object.fromEntries(entries) };
}

const documents = new Map<string, OpenApiDocument>();

/** `/openapi/v3/<path>`, path being `api/v1` or `apis/apps/v1`; undefined (404) when it is not served. */
export function openApiDocument(path: string): OpenApiDocument | undefined {
  const known = documents.get(path);
  if (known) return known;
  const apiVersion = Object.keys(discovery()).find((candidate) => documentPath(candidate) === path);
  if (apiVersion === undefined) return undefined;
  const gzip = generatedBytes(`${apiVersion.replace('/', '__')}.openapi.json.gz`);
  const hash = createHash('sha256').update(gzip).digest('hex').toUpperCase();
  const document: OpenApiDocument = { hash, gzip, json: () => gunzipSync(gzip) };
  documents.set(path, document);
  return document;
}

/** `/version`. The build metadata says that this is no kube-apiserver; clients parse the rest. */
export const versionInfo = {
  major: '1',
  minor: '36',
  emulationMajor: '1',
  emulationMinor: '36',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '35',
  gitVersion: 'v1.36.0+embedded',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: 'none',
  platform: 'embedded/node',
} as const;

/** `/api` (`metav1.APIVersions`). `address` is `host:port` as the client should see it. */
export function coreVersions(address: string): object {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
  };
}

/** `/apis` (`metav1.APIGroupList`). */
export function groupList(): object {
  const groups = namedGroups().map((group) => ({ ...groupBody(group) }));
  return { kind: 'APIGroupList', apiVersion: 'v1', groups };
}

/** `/apis/<group>` (`metav1.APIGroup`), or undefined. */
export function groupDocument(group: string): object | undefined {
  return namedGroups().includes(group)
    ? { kind: 'APIGroup', apiVersion: 'v1', ...groupBody(group) }
    : undefined;
}

/** `/api/v1` and `/apis/<group>/<version>` (`metav1.APIResourceList`), or undefined. */
export function resourceList(group: string, version: string): object | undefined {
  const groupVersion = apiVersionOf({ group, version });
  const resources = discovery()[groupVersion];
  return (
    resources && {
      kind: 'APIResourceList',
      ...(group !== '' && { apiVersion: 'v1' }),
      groupVersion,
      resources,
    }
  );
}

/** Aggregated discovery (`apidiscovery.k8s.io/v2` APIGroupDiscoveryList) of `/api` or of `/apis`. */
export function aggregatedDiscovery(root: 'api' | 'apis'): object {
  const groups = root === 'api' ? [''] : namedGroups();
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map((group) => ({
      metadata: group === '' ? { creationTimestamp: null } : { name: group, creationTimestamp: null },
      versions: versionsOf(group).map((version) => ({
        version,
        resources: aggregatedResources(apiVersionOf({ group, version })),
        freshness: 'Current',
      })),
    })),
  };
}

function documentPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`;
}

function namedGroups(): string[] {
  return [...new Set(groupVersions().map(({ group }) => group))].filter((group) => group !== '');
}

function versionsOf(group: string): string[] {
  return groupVersions()
    .filter((gv) => gv.group === group)
    .map(({ version }) => version);
}

function groupBody(group: string): object {
  const versions = versionsOf(group).map((version) => ({
    groupVersion: apiVersionOf({ group, version }),
    version,
  }));
  return { name: group, versions, preferredVersion: versions[0] };
}

function aggregatedResources(apiVersion: string): object[] {
  const resources = discovery()[apiVersion] ?? [];
  const { group, version } = splitApiVersion(apiVersion);
  const responseKind = (resource: { group?: string; version?: string; kind: string }) => ({
    group: resource.group ?? group,
    version: resource.version ?? version,
    kind: resource.kind,
  });
  return resources
    .filter(({ name }) => !name.includes('/'))
    .map((resource) => {
      const subresources = resources
        .filter(({ name }) => name.startsWith(`${resource.name}/`))
        .map((sub) => ({
          subresource: sub.name.slice(resource.name.length + 1),
          responseKind: responseKind(sub),
          verbs: sub.verbs,
        }));
      return {
        resource: resource.name,
        responseKind: responseKind(resource),
        scope: resource.namespaced ? 'Namespaced' : 'Cluster',
        singularResource: resource.singularName,
        verbs: resource.verbs,
        ...(resource.shortNames && { shortNames: resource.shortNames }),
        ...(resource.categories && { categories: resource.categories }),
        ...(subresources.length > 0 && { subresources }),
      };
    });
}
