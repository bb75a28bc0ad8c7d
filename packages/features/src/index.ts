import { eventFeature } from './events/feature.ts';
import { hostClusterFeature } from './host-clusters/feature.ts';
import { memberFeature } from './members/feature.ts';
import { operationFeature } from './operations/feature.ts';
import { organizationFeature } from './organizations/feature.ts';
import { planFeature } from './plans/feature.ts';
import { projectFeature } from './projects/feature.ts';
import type { Feature } from './run/use-case.ts';
import { workspaceFeature } from './workspaces/feature.ts';

/** Every feature of the product. Adding a resource is one line here and one in `contract`. */
export const features: readonly Feature[] = [
  eventFeature,
  hostClusterFeature,
  memberFeature,
  operationFeature,
  organizationFeature,
  planFeature,
  projectFeature,
  workspaceFeature,
];
