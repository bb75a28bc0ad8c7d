import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Discovery } from '../../packages/kubernetes/src/schema/discovery-data.ts';
import type { Golden } from '../../packages/kubernetes/src/schema/protobuf.test.ts';

/** Upstream's golden objects, every field set, of each kind that a request body may hold; for the decoder's tests. */
export function readGoldens(apiFolder: string, discovery: Discovery): Record<string, Golden> {
  const names = Object.entries(discovery).flatMap(([apiVersion, resources]) =>
    resources.map((resource) => {
      const own = resource.version === undefined ? apiVersion : `${resource.group ?? ''}/${resource.version}`;
      return `${own.includes('/') ? own.replace('/', '.') : `core.${own}`}.${resource.kind}`;
    }),
  );
  const found = [...new Set([...names, 'core.v1.DeleteOptions'])].sort().flatMap((name) => {
    const base = join(apiFolder, 'testdata/HEAD', name);
    if (!existsSync(`${base}.pb`)) return [];
    const json: unknown = JSON.parse(readFileSync(`${base}.json`, 'utf8'));
    return [[name, { protobuf: readFileSync(`${base}.pb`).toString('base64'), json }] as const];
  });
  return Object.fromEntries(found);
}
