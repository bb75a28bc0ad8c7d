import { accessFeature } from './access/feature.ts';
import { assignmentFeature } from './assignments/feature.ts';
import { auditFeature } from './audit/feature.ts';
import { federationFeature } from './federations/feature.ts';
import { hostClusterFeature } from './host-clusters/feature.ts';
import { grantFeature } from './grants/feature.ts';
import { groupFeature } from './groups/feature.ts';
import { invitationFeature } from './invitations/feature.ts';
import { memberFeature } from './members/feature.ts';
import { operationFeature } from './operations/feature.ts';
import { organizationFeature } from './organizations/feature.ts';
import { outboxFeature } from './outbox/feature.ts';
import { planFeature } from './plans/feature.ts';
import { projectFeature } from './projects/feature.ts';
import { roleFeature } from './roles/feature.ts';
import { secondFactorFeature } from './second-factors/feature.ts';
import { serviceAccountFeature } from './service-accounts/feature.ts';
import { tokenFeature } from './tokens/feature.ts';
import type { Feature } from './run/use-case.ts';
import { workspaceFeature } from './workspaces/feature.ts';

/** Every feature of the product. Adding a resource is one line here and one in `contract`. */
export const features: readonly Feature[] = [
  accessFeature,
  assignmentFeature,
  auditFeature,
  federationFeature,
  hostClusterFeature,
  grantFeature,
  groupFeature,
  invitationFeature,
  memberFeature,
  operationFeature,
  organizationFeature,
  outboxFeature,
  planFeature,
  projectFeature,
  roleFeature,
  secondFactorFeature,
  serviceAccountFeature,
  tokenFeature,
  workspaceFeature,
];
