import type { ApplicableObject } from '../kube-api/apply.ts';
import type { ResourceInfo } from '../kube-api/resource-path.ts';

/**
 * What a tenant held at one moment, ready to be made in another one, in parts: a workspace may hold more than fits into
 * memory more than once, and whoever goes on after a crash needs only the next part.
 */
export interface PackedContent {
  /** The one revision at which every kind was read. */
  revision: string;
  /** To be written in this order, each one as it was packed. */
  parts: string[];
  objects: number;
  /** What is not copied although people may look for it, in words with a count. */
  leftOut: LeftOut[];
}

/** What is written in one go: objects that do not need each other, or, once all are there, who owns whom. Plain JSON. */
export type ContentPart = { objects: CopiedObject[] } | { ties: Tie[] };

/** One object without whatever belongs to the tenant that it was in: uid, status, addresses, places. */
export interface CopiedObject extends ResourceInfo {
  object: ApplicableObject;
  /** Who set which field, so that those who apply go on without conflicts. */
  managers: unknown[];
}

/** Where one object is. */
export interface ObjectPlace extends ResourceInfo {
  apiVersion: string;
  kind: string;
  name: string;
  namespace?: string | undefined;
}

/** An object with its owners, which have other uids in the copy. */
export interface Tie extends ObjectPlace {
  owners: (Owner & { resource: ResourceInfo })[];
}

export interface Owner {
  apiVersion: string;
  kind: string;
  name: string;
  /** The other fields of `metadata.ownerReferences`. */
  rest: Record<string, unknown>;
}

export interface LeftOut {
  what: string;
  count: number;
}

/** A tenant holds more than is kept of one. */
export class ContentTooLargeError extends Error {
  constructor() {
    super('The workspace holds more than can be cloned');
    this.name = 'ContentTooLargeError';
  }
}
