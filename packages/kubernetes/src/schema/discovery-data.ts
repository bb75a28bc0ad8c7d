import { generatedJson } from './generated-data.ts';

/** One entry of a `metav1.APIResourceList`. */
export interface ApiResource {
  name: string;
  singularName: string;
  namespaced: boolean;
  kind: string;
  /** Only where it differs from the list's group and version (`scale`, `eviction`, `token`). */
  group?: string;
  version?: string;
  verbs: string[];
  shortNames?: string[];
  categories?: string[];
  storageVersionHash?: string;
}

/** Group/version to its resources and subresources, as upstream's discovery lists them. */
export type Discovery = Record<string, ApiResource[]>;

let loaded: Discovery | undefined;

/** The served part of upstream's discovery documents. */
export function discovery(): Discovery {
  loaded ??= generatedJson<Discovery>('discovery.json');
  return loaded;
}
