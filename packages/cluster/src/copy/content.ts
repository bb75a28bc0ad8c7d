import type { ApplicableObject } from '../kube-api/apply.ts';
import type { ResourceInfo } from '../kube-api/resource-path.ts';

/** What a tenant held at one moment, ready to be made in another one. Plain JSON. */
export interface TenantContent {
  /** The one revision at which every kind was read. */
  revision: string;
  objects: CopiedObject[];
  /** What is not copied although people may look for it, in words with a count. */
  leftOut: LeftOut[];
}

/** One object without whatever belongs to the tenant that it was in: uid, status, addresses, places. */
export interface CopiedObject extends ResourceInfo {
  object: ApplicableObject;
  /** Owners, which have other uids in the copy. */
  owners: Owner[];
  /** Who set which field, so that those who apply go on without conflicts. */
  managers: unknown[];
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

/** A tenant holds more than can be read into memory at once. */
export class ContentTooLargeError extends Error {
  constructor() {
    super('The workspace holds more than can be cloned');
    this.name = 'ContentTooLargeError';
  }
}
