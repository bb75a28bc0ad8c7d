import type { GroupResource, ResourceInfo, SubresourceInfo } from '../types.ts';
import { discovery } from './discovery-data.ts';
import type { ApiResource } from './discovery-data.ts';

/** A group and version, in the order in which discovery lists them. */
export interface GroupVersion {
  group: string;
  version: string;
}

/** The served resource of that plural, or undefined (404). `group` is '' for the core group. */
export function findResource(group: string, version: string, plural: string): ResourceInfo | undefined {
  return catalog().byPlural.get(`${group}/${version}/${plural}`);
}

/** The served resource whose objects have that kind. */
export function resourceForKind(group: string, version: string, kind: string): ResourceInfo | undefined {
  return catalog().byKind.get(`${group}/${version}/${kind}`);
}

/** The served resource of an object's `apiVersion` and `kind`. */
export function resourceOfObject(object: { apiVersion: string; kind: string }): ResourceInfo | undefined {
  const { group, version } = splitApiVersion(object.apiVersion);
  return resourceForKind(group, version, object.kind);
}

/** The resources of one group and version, sorted by plural; empty when it is not served. */
export function resourcesOf(group: string, version: string): readonly ResourceInfo[] {
  return catalog().byGroupVersion.get(`${group}/${version}`) ?? [];
}

/** All served group and versions, the core group first. */
export function groupVersions(): readonly GroupVersion[] {
  return catalog().groupVersions;
}

/** Every served resource of every group. */
export function servedResources(): readonly ResourceInfo[] {
  return [...catalog().byPlural.values()];
}

/** `apps/v1` to group and version; `v1` has the group ''. */
export function splitApiVersion(apiVersion: string): GroupVersion {
  const slash = apiVersion.indexOf('/');
  return slash < 0
    ? { group: '', version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** The inverse of `splitApiVersion`. */
export function apiVersionOf({ group, version }: GroupVersion): string {
  return group === '' ? version : `${group}/${version}`;
}

interface Catalog {
  groupVersions: GroupVersion[];
  byPlural: Map<string, ResourceInfo>;
  byKind: Map<string, ResourceInfo>;
  byGroupVersion: Map<string, ResourceInfo[]>;
}

let loaded: Catalog | undefined;

function catalog(): Catalog {
  loaded ??= build();
  return loaded;
}

function build(): Catalog {
  const result: Catalog = {
    groupVersions: [],
    byPlural: new Map(),
    byKind: new Map(),
    byGroupVersion: new Map(),
  };
  for (const [apiVersion, resources] of Object.entries(discovery())) {
    const gv = splitApiVersion(apiVersion);
    const infos = resources
      .filter(({ name }) => !name.includes('/'))
      .map((main) => resourceInfo(gv, main, resources));
    result.groupVersions.push(gv);
    result.byGroupVersion.set(`${gv.group}/${gv.version}`, infos);
    for (const info of infos) {
      result.byPlural.set(`${gv.group}/${gv.version}/${info.plural}`, info);
      result.byKind.set(`${gv.group}/${gv.version}/${info.kind}`, info);
    }
  }
  return result;
}

function resourceInfo(gv: GroupVersion, main: ApiResource, all: readonly ApiResource[]): ResourceInfo {
  const prefix = `${main.name}/`;
  const subresources = all
    .filter(({ name }) => name.startsWith(prefix))
    .map((sub): SubresourceInfo => ({
      name: sub.name.slice(prefix.length),
      group: sub.group ?? gv.group,
      version: sub.version ?? gv.version,
      kind: sub.kind,
      verbs: sub.verbs,
    }));
  return {
    groupResource: storedAs(gv, main),
    group: gv.group,
    version: gv.version,
    kind: main.kind,
    plural: main.name,
    singular: main.singularName,
    shortNames: main.shortNames ?? [],
    categories: main.categories ?? [],
    namespaced: main.namespaced,
    verbs: main.verbs,
    subresources: new Map(subresources.map((sub) => [sub.name, sub])),
  };
}

/** Both kinds of events are views of one store, as upstream keeps them. */
function storedAs({ group }: GroupVersion, main: ApiResource): GroupResource {
  return group === 'events.k8s.io' ? '/events' : `${group}/${main.name}`;
}
