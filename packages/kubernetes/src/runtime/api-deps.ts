import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import { admit } from '../admission/admit.ts';
import type { ApiDeps, ClusterApi } from '../api/deps.ts';
import { checkEscalation } from '../auth/escalation.ts';
import { authorizerOf, type Authorizer } from '../auth/rbac.ts';
import { answerReview } from '../auth/reviews.ts';
import { applyDefaults } from '../defaults/apply.ts';
import { findResource, servedResources } from '../schema/catalog.ts';
import { streamPodLog } from '../simulation/logs.ts';
import { nodeUsage, podUsage } from '../simulation/usage.ts';
import { validateCreate, validateUpdate } from '../validation/validate.ts';

/** Joins the registry with schemas, admission, authorization and simulation. */
export function createApiDeps({ clock, log }: { clock: Clock; log: Logger }): ApiDeps {
  return {
    clock,
    log,
    schema: { findResource, servedResources, applyDefaults, validateCreate, validateUpdate },
    admit: ({ cluster, ...input }) => admit({ ...input, store: cluster.store, clock }),
    authorize: (cluster, user, attributes) => authorizerFor(cluster).authorize(user, attributes),
    checkEscalation: ({ cluster, user }, object, old) =>
      checkEscalation({ store: cluster.store, authorizer: authorizerFor(cluster), user, object, old }),
    review: (cluster, user, object) => answerReview({ authorizer: authorizerFor(cluster), user }, object),
    streamPodLog,
    podUsage,
    nodeUsage,
  };
}

const authorizers = new WeakMap<ClusterApi, Authorizer>();

function authorizerFor(cluster: ClusterApi): Authorizer {
  let authorizer = authorizers.get(cluster);
  if (!authorizer)
    authorizers.set(cluster, (authorizer = authorizerOf(cluster.store, () => cluster.config.authorization)));
  return authorizer;
}
