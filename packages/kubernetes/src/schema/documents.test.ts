import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  aggregatedDiscovery,
  groupDocument,
  groupList,
  openApiDocument,
  openApiIndex,
  resourceList,
  versionInfo,
} from './documents.ts';
import { served } from './served.ts';

describe('OpenAPI', () => {
  it('lists a hashed URL under the base path for every group and version', () => {
    const { paths } = openApiIndex('/clusters/a');
    expect(Object.keys(paths)).toHaveLength(Object.keys(served).length);
    expect(paths['apis/apps/v1']?.serverRelativeURL).toMatch(
      /^\/clusters\/a\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{64}$/,
    );
  });

  it('keeps what kubectl checks: dry run, field validation, kinds and merge keys', () => {
    const document = JSON.parse(
      gunzipSync(openApiDocument('apis/apps/v1')?.gzip ?? Buffer.alloc(0)).toString('utf8'),
    );
    const post = document.paths['/apis/apps/v1/namespaces/{namespace}/deployments'].post;
    const parameters = post.parameters.map(({ name }: { name: string }) => name);
    expect(parameters).toEqual(expect.arrayContaining(['dryRun', 'fieldManager', 'fieldValidation']));
    expect(post['x-kubernetes-group-version-kind']).toEqual({
      group: 'apps',
      kind: 'Deployment',
      version: 'v1',
    });
    expect(
      document.components.schemas['io.k8s.api.core.v1.PodSpec'].properties.containers[
        'x-kubernetes-patch-merge-key'
      ],
    ).toBe('name');
    expect(JSON.stringify(document)).not.toContain('cbor');
  });

  it('promises no path that is not served', () => {
    const document = JSON.parse(openApiDocument('api/v1')?.json().toString('utf8') ?? '{}');
    expect(
      Object.keys(document.paths).filter((path) => /proxy|componentstatuses|\/watch\//.test(path)),
    ).toEqual([]);
    expect(openApiDocument('apis/autoscaling/v2')).toBeUndefined();
  });
});

describe('discovery', () => {
  it('aggregates groups with their subresources', () => {
    expect(aggregatedDiscovery('apis')).toMatchObject({
      kind: 'APIGroupDiscoveryList',
      apiVersion: 'apidiscovery.k8s.io/v2',
    });
    expect(JSON.stringify(aggregatedDiscovery('apis'))).toContain(
      '{"subresource":"scale","responseKind":{"group":"autoscaling","version":"v1","kind":"Scale"},"verbs":["get","patch","update"]}',
    );
    expect(JSON.stringify(aggregatedDiscovery('api'))).toContain('"resource":"pods"');
  });

  it('answers the plain documents of served groups only', () => {
    expect(groupList()).toMatchObject({ kind: 'APIGroupList' });
    expect(groupDocument('apps')).toMatchObject({
      preferredVersion: { groupVersion: 'apps/v1', version: 'v1' },
    });
    expect(groupDocument('autoscaling')).toBeUndefined();
    expect(resourceList('', 'v1')).toMatchObject({ groupVersion: 'v1' });
    expect(resourceList('apps', 'v2')).toBeUndefined();
  });

  it('says which release it follows and that it is not that release', () => {
    expect(versionInfo.gitVersion).toMatch(/^v1\.36\.0\+embedded$/);
  });
});
