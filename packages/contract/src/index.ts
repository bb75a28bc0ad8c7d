import { access } from './access/access.ts';
import { assignment } from './access/assignment.ts';
import { audit } from './audit.ts';
import { hostCluster } from './platform/host-cluster.ts';
import { federation } from './people/federation.ts';
import { grant } from './access/grant.ts';
import { group } from './access/group.ts';
import { invitation } from './people/invitation.ts';
import { longOperation } from './long-operation.ts';
import { member } from './people/member.ts';
import { organization } from './organization.ts';
import { outbox } from './platform/outbox.ts';
import { plan } from './platform/plan.ts';
import { project } from './project.ts';
import { role } from './access/role.ts';
import { secondFactor } from './people/second-factor.ts';
import { serviceAccount } from './people/service-account.ts';
import { token } from './people/token.ts';
import { workspace } from './workspace.ts';
import type { Resource } from './resource.ts';

/** Every resource of the product, by noun. Adding one is one line here and one in `features`. */
export const resources = {
  access,
  assignment,
  audit,
  federation,
  hostCluster,
  grant,
  group,
  invitation,
  longOperation,
  member,
  organization,
  outbox,
  plan,
  project,
  role,
  secondFactor,
  serviceAccount,
  token,
  workspace,
} as const satisfies Record<string, Resource>;
