import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiResource, Discovery } from '../../packages/kubernetes/src/schema/discovery-data.ts';
import { served } from '../../packages/kubernetes/src/schema/served.ts';
import { metricsResources } from './metrics.ts';

/** The served part of upstream's `api/discovery`. Throws when the overlay names something that upstream does not have. */
export function readDiscovery(kubernetesFolder: string): Discovery {
  const result: Discovery = {};
  for (const [apiVersion, names] of Object.entries(served)) {
    const all =
      apiVersion === 'metrics.k8s.io/v1beta1' ? metricsResources : readList(kubernetesFolder, apiVersion);
    result[apiVersion] = names.map((name) => {
      const found = all.find((resource) => resource.name === name);
      if (!found) throw new Error(`upstream's ${apiVersion} has no ${name}`);
      return found;
    });
  }
  return result;
}

function readList(kubernetesFolder: string, apiVersion: string): ApiResource[] {
  const name = apiVersion === 'v1' ? 'api__v1.json' : `apis__${apiVersion.replace('/', '__')}.json`;
  const document: { resources: ApiResource[] } = JSON.parse(
    readFileSync(join(kubernetesFolder, 'api/discovery', name), 'utf8'),
  );
  return document.resources;
}
