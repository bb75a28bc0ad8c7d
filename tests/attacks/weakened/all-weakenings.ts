import type { Weakening } from './weakening.ts';
import { clustersWeakenings } from './weakenings/clusters.ts';
import { floodWeakenings } from './weakenings/floods.ts';
import { gatewayTracesWeakenings } from './weakenings/gateway-traces.ts';
import { identityWeakenings } from './weakenings/identity.ts';
import { lateProofWeakenings } from './weakenings/late-proofs.ts';
import { reachOfOthersWeakenings } from './weakenings/reach-of-others.ts';
import { requestsWeakenings } from './weakenings/requests.ts';
import { rightsThatEndWeakenings } from './weakenings/rights-that-end.ts';
import { rightsWeakenings } from './weakenings/rights.ts';
import { secondFactorWeakenings } from './weakenings/second-factor.ts';
import { signInWeakenings } from './weakenings/sign-in.ts';
import { tenantsWeakenings } from './weakenings/tenants.ts';

/** Every check that is taken away in turn; a new attack brings its own. */
export const allWeakenings: readonly Weakening[] = [
  ...tenantsWeakenings,
  ...rightsThatEndWeakenings,
  ...rightsWeakenings,
  ...reachOfOthersWeakenings,
  ...identityWeakenings,
  ...signInWeakenings,
  ...secondFactorWeakenings,
  ...lateProofWeakenings,
  ...requestsWeakenings,
  ...gatewayTracesWeakenings,
  ...clustersWeakenings,
  ...floodWeakenings,
];
