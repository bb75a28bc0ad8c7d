import type { Execute } from '@hexabase/contract/call.ts';
import type { Actor } from '@hexabase/kernel/actor.ts';
import type { TrustedProxies } from '@hexabase/kernel/client-address.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { AuthRoutesOptions } from './auth/auth-routes.ts';
import type { ChangeFeed } from './event-stream.ts';
import type { BookRequests } from './limits/shared-buckets.ts';
import type { Metrics } from './metrics.ts';
import type { RateLimit } from './rate-limit.ts';
import type { StreamLimits } from './streams/stream-places.ts';

/** What the HTTP side needs; the process puts it together. */
export interface HttpDeps {
  /** Runs one operation of the contract; `createExecute` of packages/features answers it. */
  execute: Execute;
  /**
   * The person behind an access token. Throws AppError `unauthenticated`, `token_expired` or `session_ended`. With who it was
   * when a long answer began, the session alone must live.
   */
  authenticate(token: string, begun?: Actor): Promise<Actor>;
  /** Host names (without port) that this server answers under; every other Host header is refused. */
  allowedHosts: readonly string[];
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  /** Answers when the database can be reached, throws otherwise. */
  ping(): Promise<void>;
  /** Sign-in addresses; absent where another process serves them. */
  auth?: AuthRoutesOptions;
  /** Changes for `/api/v1/events/stream`; absent where nothing can be streamed. */
  changes?: ChangeFeed;
  /** How many event streams may be open; absent: see the defaults. */
  streamLimits?: Partial<StreamLimits>;
  metricsAccess?: MetricsAccess;
  rateLimit?: Partial<RateLimit>;
  /** Takes from the buckets that all replicas share; absent where this process is the only one. */
  bookRequests?: BookRequests;
  /** Whose `X-Forwarded-For` is believed; absent: nobody's. */
  trustedProxies?: TrustedProxies;
  /** What the landing page says; read on every visit. */
  landing?: () => Landing;
  /** Shown in OpenAPI. */
  version: string;
  /** A request that takes longer is given up with `request_timeout`. */
  requestTimeoutMs?: number;
}

export interface MetricsAccess {
  /** Bearer token that may read `/metrics`. */
  token: string | null;
  /** Callers from this machine need none. */
  openOnLoopback: boolean;
}

export interface Landing {
  kubernetesUrl: string;
  /** Workspaces are the built-in driver's: nodes and containers are simulated. */
  simulated: boolean;
  /** Commands to type next. */
  commands: readonly string[];
}
