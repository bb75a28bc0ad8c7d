import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { served } from '../../packages/kubernetes/src/schema/served.ts';

/** The parts of an OpenAPI v3 schema that the generator looks at; the rest passes through. */
export interface Schema {
  required?: string[];
  properties?: Record<string, Schema>;
  [extension: string]: unknown;
}

export interface OpenApiDocument {
  openapi: string;
  info: Record<string, unknown>;
  paths: Record<string, Record<string, unknown>>;
  components: { schemas: Record<string, Schema>; [other: string]: unknown };
}

/** Upstream's document of a group and version, cut down to the served paths and the schemas that these need. */
export function readOpenApi(kubernetesFolder: string, apiVersion: string): OpenApiDocument {
  const name = apiVersion === 'v1' ? 'api__v1' : `apis__${apiVersion.replace('/', '__')}`;
  const path = join(kubernetesFolder, 'api/openapi-spec/v3', `${name}_openapi.json`);
  const document: OpenApiDocument = JSON.parse(readFileSync(path, 'utf8'));
  return trim(document, apiVersion);
}

/** File name of a group and version's document: `v1`, `apps__v1`. */
export function documentName(apiVersion: string): string {
  return apiVersion.replace('/', '__');
}

/** Keeps served paths and reachable schemas. Throws when nothing is left of a served resource. */
export function trim(document: OpenApiDocument, apiVersion: string): OpenApiDocument {
  const names = served[apiVersion] ?? [];
  const paths = Object.fromEntries(
    Object.entries(document.paths)
      .filter(([path]) => names.includes(resourceOfPath(path)))
      .map(([path, item]) => [path, jsonOnly(item)]),
  );
  for (const name of names) {
    if (!Object.keys(paths).some((path) => resourceOfPath(path) === name))
      throw new Error(`no path for ${apiVersion} ${name}`);
  }
  const schemas = reachable(document.components.schemas, references(paths));
  return { ...document, paths, components: { ...document.components, schemas } };
}

/** `/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale` to `deployments/scale`; '' for watch and root paths. */
function resourceOfPath(path: string): string {
  const rest = path.replace(/^\/apis?\/([^/]+\/)?v\w+\//, '');
  if (rest === path || rest.startsWith('watch/')) return '';
  const match = /^(?:namespaces\/\{namespace\}\/)?([a-z]+)(?:\/\{name\}(?:\/([a-z]+))?)?$/.exec(rest);
  const plural = match?.[1] ?? '';
  return match?.[2] === undefined ? plural : `${plural}/${match[2]}`;
}

/** Answers come as JSON or YAML only, so the other media types must not be promised. */
function jsonOnly(item: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(JSON.stringify(item), (key, value: unknown) => {
    if (key !== 'content' || typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).filter(([type]) => !/cbor|protobuf/.test(type)));
  });
}

function reachable(schemas: Record<string, Schema>, roots: string[]): Record<string, Schema> {
  const seen = new Set<string>();
  const queue = [...roots];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const schema = schemas[name];
    if (seen.has(name) || !schema) continue;
    seen.add(name);
    queue.push(...references(schema));
  }
  return Object.fromEntries(Object.entries(schemas).filter(([name]) => seen.has(name)));
}

function references(value: unknown): string[] {
  return [...JSON.stringify(value).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(
    ([, name]) => name ?? '',
  );
}
