import { nextCommands } from '../addresses.ts';

/** What `hks up` says once everything answers. */
export interface Announcement {
  httpUrl: string;
  httpsUrl: string;
  dataDir: string;
  /** Only at the first start. */
  owner: { email: string; password: string } | null;
  launcher: string;
  /** Workspaces are made on a host cluster. */
  hasHost: boolean;
}

/** The text; the password is in it only when it is to be shown. */
export function announcement({ httpUrl, httpsUrl, dataDir, owner, launcher, hasHost }: Announcement): string {
  const lines = [
    '',
    hasHost
      ? 'Hexabase AI is ready. Workspaces are vClusters on your host cluster; `hexabase-cli host check default` looks at it.'
      : 'Hexabase AI is ready. Workspaces are simulated Kubernetes: the API is real, nodes and containers are not.',
    '',
    `  Web and API          ${httpUrl}`,
    `  Kubernetes gateway   ${httpsUrl}`,
    `  Data folder          ${dataDir}`,
    ...(owner
      ? [
          '',
          `  First owner          ${owner.email}`,
          `  Password             ${owner.password}   (shown only now; you are already signed in here)`,
        ]
      : []),
    '',
    'Next:',
    ...nextCommands(launcher).map((command) => `  ${command}`),
    '',
  ];
  return lines.join('\n');
}
