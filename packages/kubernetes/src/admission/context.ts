import type { Clock } from '@hexabase/kernel/clock.ts';
import { forbiddenObject } from '../auth/forbidden.ts';
import type { StatusError } from '../api/status-error.ts';
import type { ClusterStore } from '../store/store.ts';
import type { KubeObject, ResourceInfo, UserInfo } from '../types.ts';

/** One operation on one object, as admission sees it: after authorization, defaulting and name generation. */
export interface AdmissionContext {
  operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  info: ResourceInfo;
  /** '' for the object itself. */
  subresource: string;
  /** '' for cluster-scoped kinds. */
  namespace: string;
  name: string;
  /** The new state, which plugins may change in place; absent for a deletion. */
  object: KubeObject | undefined;
  /** The stored state; absent for a creation. */
  old: KubeObject | undefined;
  user: UserInfo;
  store: ClusterStore;
  dryRun: boolean;
  clock: Clock;
  /** Becomes a `Warning` header of the answer. */
  warn(message: string): void;
}

/** Admission's answer. */
export interface Admitted {
  object: KubeObject | undefined;
  /** To be called when the object is not stored after all: gives back what was reserved. Safe to repeat. */
  release?: () => void;
}

/** One admission rule: changes the object, warns, or throws a `StatusError`. */
export type Plugin = (context: AdmissionContext) => void;

/** True when the operation is on the kind itself rather than on a subresource. */
export function concerns(context: AdmissionContext, groupResource: string): boolean {
  return context.info.groupResource === groupResource && context.subresource === '';
}

/** The 403 of a plugin: `pods "x" is forbidden: why`. */
export function refused(context: AdmissionContext, why: string): StatusError {
  const { group, plural } = context.info;
  return forbiddenObject({ group, resource: plural }, context.name, why);
}
