import type { SleepEnds } from '@hexabase/contract/workspace-sleep.ts';
import type { Actor, MembershipGrant } from '@hexabase/kernel/actor.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { UserId, WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';
import type { Mail } from '@hexabase/postgres/mail-queue.ts';

/** What the use cases need from outside; the process puts it together. */
export interface Ports {
  database: Database;
  clock: Clock;
  log: Logger;
  kubernetes: KubernetesAddress;
  mintKubeToken: MintKubeToken;
  /** Adds one to a counter of the process. */
  count(metric: CounterName, labels: Record<string, string>): void;
  hostAccess: HostAccess;
  mail: MailPort;
  secondFactors: SecondFactorPort;
  /**
   * Admins add whoever has an account. Absent or false: only people with whom they are in another organization, so that
   * nobody learns who has an account, and nobody is in an organization of strangers without having said yes.
   */
  mayAddAnybody?: boolean;
  /** Region of the built-in driver, which carries workspaces while there are no host clusters. */
  defaultRegion: string;
  /** How long a deletion of a workspace can be taken back; it sleeps meanwhile. Absent or 0: it cannot. */
  deletionGraceMs?: number;
  /** Kubernetes minors that a workspace can have where it is, oldest first. Absent or empty: only the one it has. */
  kubernetesVersions?: (workspaceId: WorkspaceId) => Promise<readonly string[]>;
  /** What a control plane beside this one would be run by now; null or absent where there is nothing of the kind. */
  newestRelease?: (workspaceId: WorkspaceId) => Promise<string | null>;
  /** What a sleep of this workspace would end for good; null when nobody could look. Absent: it ends nothing. */
  whatSleepEnds?: (workspaceId: WorkspaceId) => Promise<SleepEnds | null>;
  /** How what a workspace holds can be copied, where it is; null or absent: it cannot. */
  copying?: (workspaceId: WorkspaceId) => Promise<{ whileAsleep: boolean } | null>;
}

/**
 * Second factors of people. The request side sees a secret when it is made and never again; the people are told of each
 * change by letter. Changes throw `fresh_sign_in_required` and `second_factor_required` unless the session began lately.
 */
export interface SecondFactorPort {
  list(userId: UserId): Promise<
    {
      id: string;
      kind: 'totp' | 'passkey' | 'recovery-codes';
      name: string;
      left: number | null;
      createdAt: Date;
      lastUsedAt: Date | null;
    }[]
  >;
  addTotp(owner: SessionOwner, name: string): Promise<{ id: string; secret: string; uri: string }>;
  confirmTotp(owner: SessionOwner, given: { id: string; code: string }): Promise<{ recoveryCodes: string[] }>;
  addPasskey(owner: SessionOwner, name: string): Promise<{ ticket: string; expiresAt: Date }>;
  renewCodes(owner: SessionOwner): Promise<{ recoveryCodes: string[] }>;
  remove(owner: SessionOwner, id: string): Promise<{ name: string }>;
  /** By an operator of the platform. Throws `not_found`. */
  reset(operator: SessionOwner, email: string): Promise<{ userId: UserId }>;
}

/** A person and the session in which they ask. */
type SessionOwner = Pick<Actor, 'userId' | 'sessionId'>;

/** Letters to people. */
export interface MailPort {
  /** Queues a letter in this transaction; it leaves after the commit. */
  queue(tx: Tx, mail: Mail, nowMs: number): Promise<void>;
  /** The text of a queued letter, for operators. */
  open(mail: { id: string; sealed: string }): string;
  /** Whether a mail server is set; without one, letters are kept. */
  sends: boolean;
  /** Whether operators read them: on a trial on one machine that sends none. Elsewhere a letter may let them in as somebody. */
  readable: boolean;
  /** Where people sign in, for the text of letters. */
  site: string;
}

/** Credentials of host clusters: the request side can lock them away and never look at them again. */
export interface HostAccess {
  /**
   * Checks a kubeconfig and encrypts what is needed of it for this one host cluster.
   * Throws `validation_failed` on `kubeconfig` with a sentence for what would run a program, read a file or skip checks.
   */
  seal(
    hostClusterId: string,
    credentials: { kubeconfig: string; context?: string | undefined },
  ): { sealed: string; server: string };
  /**
   * Which cluster a kubeconfig leads to, or the one that the control plane runs in when null: a uid for comparison. Null
   * when it does not answer within seconds. Throws as `seal` does.
   */
  identify(credentials: { kubeconfig: string; context?: string | undefined } | null): Promise<string | null>;
}

export type CounterName = 'hexabase_workspaces_created_total';

/** Where kubectl reaches the gateway. */
export interface KubernetesAddress {
  /** Public https address of one workspace's API, without a trailing slash. */
  urlOf(workspaceId: WorkspaceId): string;
  /** PEM of the authority behind that address; null when it is publicly trusted. */
  certificateAuthority(): string | null;
}

/** Signs a 15-minute OIDC token for one workspace from the actor's live session. `expiresAt` is RFC 3339. */
export type MintKubeToken = (request: KubeTokenRequest) => Promise<{ token: string; expiresAt: string }>;

export interface KubeTokenRequest {
  actor: Actor;
  workspaceId: WorkspaceId;
  /** Full names, `hexabase:…`: only those that are bound in this workspace. */
  groups: readonly string[];
  /** Revocation epoch of the user, read before the groups. */
  epoch: number;
  /** Of an operator who was let in: the token ends with it. */
  grant?: MembershipGrant;
}
