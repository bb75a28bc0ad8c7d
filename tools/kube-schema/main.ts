/** Writes `packages/kubernetes/src/schema/generated` from pinned Go modules. Needs `go`; run with `node tools/kube-schema/main.ts`. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { typeNameOf } from '../../packages/kubernetes/src/schema/type-table.ts';
import { readDiscovery } from './discovery.ts';
import { readGoldens } from './goldens.ts';
import { metricsDocument } from './metrics.ts';
import { MODULES, RELEASE, moduleFolder } from './modules.ts';
import { documentName, readOpenApi } from './openapi.ts';
import type { OpenApiDocument, Schema } from './openapi.ts';
import { buildTypeTable } from './type-table.ts';

const target = join(import.meta.dirname, '../../packages/kubernetes/src/schema/generated');
const folders = {
  kubernetes: moduleFolder(MODULES.kubernetes),
  api: moduleFolder(MODULES.api),
  apimachinery: moduleFolder(MODULES.apimachinery),
  metrics: moduleFolder(MODULES.metrics),
};

const discovery = readDiscovery(folders.kubernetes);
const schemas = new Map<string, Schema>();
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
for (const apiVersion of Object.keys(discovery)) {
  const document =
    apiVersion === 'metrics.k8s.io/v1beta1'
      ? metricsDocument(folders.kubernetes)
      : readOpenApi(folders.kubernetes, apiVersion);
  collectSchemas(document);
  // Level 9 and no time stamp: the same input gives the same bytes, and so the same hash in `/openapi/v3`.
  writeFileSync(
    join(target, `${documentName(apiVersion)}.openapi.json.gz`),
    gzipSync(JSON.stringify(document), { level: 9 }),
  );
}
writeFileSync(join(target, 'discovery.json'), `${JSON.stringify(discovery, undefined, 1)}\n`);
writeFileSync(join(target, 'types.json'), lines(buildTypeTable(folders, schemas, roots())));
writeFileSync(join(target, 'NOTICE'), notice());
writeFileSync(
  join(target, 'goldens.test-data.json.gz'),
  gzipSync(JSON.stringify(readGoldens(folders.api, discovery)), { level: 9 }),
);

/** OpenAPI names (`io.k8s.api.core.v1.Pod`) become the table's (`core.v1.Pod`). */
function collectSchemas(document: OpenApiDocument): void {
  for (const [name, schema] of Object.entries(document.components.schemas)) {
    schemas.set(name.split('.').slice(-3).join('.'), schema);
  }
}

function roots(): string[] {
  const kinds = Object.entries(discovery).flatMap(([apiVersion, resources]) =>
    resources.map((resource) => {
      const own = resource.version === undefined ? apiVersion : `${resource.group ?? ''}/${resource.version}`;
      return typeNameOf(own, resource.kind);
    }),
  );
  return [...kinds, 'meta.v1.DeleteOptions', 'meta.v1.LabelSelector'];
}

/** One type a line, so that an upgrade shows what moved. */
function lines(table: Record<string, unknown>): string {
  const entries = Object.entries(table).map(
    ([name, type]) => `${JSON.stringify(name)}:${JSON.stringify(type)}`,
  );
  return `{\n${entries.join(',\n')}\n}\n`;
}

function notice(): string {
  return `These files are derived from Kubernetes ${RELEASE} (Copyright The Kubernetes Authors), licensed under the Apache License,
Version 2.0 (https://www.apache.org/licenses/LICENSE-2.0), by tools/kube-schema, from the Go modules
${Object.values(MODULES)
  .map((module) => `- ${module}\n`)
  .join('')}
Changed: cut down to what the embedded server offers; the OpenAPI document of metrics.k8s.io is written after k8s.io/metrics.
`;
}
