import { event } from './event.ts';
import { hostCluster } from './host-cluster.ts';
import { longOperation } from './long-operation.ts';
import { member } from './member.ts';
import { organization } from './organization.ts';
import { plan } from './plan.ts';
import { project } from './project.ts';
import { workspace } from './workspace.ts';
import type { Resource } from './resource.ts';

/** Every resource of the product, by noun. Adding one is one line here and one in `features`. */
export const resources = {
  event,
  hostCluster,
  longOperation,
  member,
  organization,
  plan,
  project,
  workspace,
} as const satisfies Record<string, Resource>;
