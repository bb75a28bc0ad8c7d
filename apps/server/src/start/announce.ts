import { nextCommands } from '../addresses.ts';

/** What `hks up` says once everything answers. */
export interface Announcement {
  httpUrl: string;
  httpsUrl: string;
  dataDir: string;
  /** Only at the first start. */
  owner: { email: string; password: string } | null;
  launcher: string;
  /** Of the host clusters that workspaces are made on; none: by the driver that is built in. */
  hostNames: readonly string[];
}

/** The text; the password is in it only when it is to be shown. */
export function announcement(said: Announcement): string {
  const { httpUrl, httpsUrl, dataDir, owner, launcher, hostNames } = said;
  const [first] = hostNames;
  const lines = [
    '',
    first !== undefined
      ? `Hexabase AI is ready. Workspaces are vClusters on your host cluster${hostNames.length === 1 ? '' : 's'}; \`hexabase-cli host check ${first}\` looks at ${hostNames.length === 1 ? 'it' : 'one'}.`
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
