import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { ClusterDriver } from '../port.ts';

/** What a driver brings along to be tested. The suite makes workspaces with new ids and removes them again. */
export interface DriverUnderTest extends AsyncDisposable {
  /** The driver as it runs now; another one after `restart`. */
  driver(): ClusterDriver;
  /** A bearer token that a workspace's cluster takes as this user, as if Hexabase had signed it. */
  tokenFor(workspaceId: WorkspaceId, user: TestUser): Promise<string>;
  /** Ends the driver's process, or what stands for it, and starts another on the same clusters. */
  restart(): Promise<void>;
}

export interface TestUser {
  username: string;
  groups: string[];
}

export interface ConformanceOptions {
  make(): Promise<DriverUnderTest>;
  /** Milliseconds that one tenant may take to be ready, and to be gone. Default 10,000. */
  settleMs?: number;
  /** Tenants made at the same time. Default 50. */
  parallelTenants?: number;
  /** Not all of it again, as for another way to the same tenants. Default all. */
  themes?: readonly ConformanceTheme[];
}

/** What the suite is made of. */
export type ConformanceTheme = 'lifecycle' | 'fences' | 'administration' | 'users' | 'isolation' | 'copies';
