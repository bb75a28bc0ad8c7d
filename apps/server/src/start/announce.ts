import { nextCommands } from '../addresses.ts';

/** What `hks up` says once everything answers. */
export interface Announcement {
  httpUrl: string;
  httpsUrl: string;
  dataDir: string;
  /** Only at the first start. */
  owner: { email: string; password: string } | null;
  /** Why the command line is not signed in here; null when it is, or nobody could be. */
  notSignedIn: string | null;
  launcher: string;
  /** Of the host clusters that workspaces are made on; none: by the driver that is built in. */
  hostNames: readonly string[];
  /** Name of the cluster of `--host-kubeconfig`, when it was added under another one before. */
  hostKnownAs: string | null;
  builtInDriver: 'embedded' | 'local';
}

/** The text; the password is in it only when it is to be shown. */
export function announcement(said: Announcement): string {
  const { httpUrl, httpsUrl, dataDir, owner, notSignedIn, launcher } = said;
  const aside = notSignedIn === null ? 'shown only now; you are already signed in here' : 'shown only now';
  const lines = [
    '',
    `Hexabase AI is ready. ${workspacesOf(said)}`,
    ...knownAs(said),
    '',
    `  Web and API          ${httpUrl}`,
    `  Kubernetes gateway   ${httpsUrl}`,
    `  Data folder          ${dataDir}`,
    ...(owner
      ? ['', `  First owner          ${owner.email}`, `  Password             ${owner.password}   (${aside})`]
      : []),
    ...(notSignedIn === null ? [] : ['', `The command line is not signed in here: ${notSignedIn}`]),
    '',
    'Next:',
    ...nextCommands(launcher).map((command) => `  ${command}`),
    '',
  ];
  return lines.join('\n');
}

/** Whoever gave a kubeconfig looks for a host cluster `default` else, and for its new credentials. */
function knownAs({ hostKnownAs: name }: Announcement): string[] {
  if (name === null) return [];
  return [
    `The cluster of --host-kubeconfig is your host cluster ${name} already, and is used as that, with the credentials that it has.`,
    `New credentials for it: \`hexabase-cli host update ${name} --kubeconfig FILE\`.`,
  ];
}

/** What a workspace is made of here. */
function workspacesOf({ hostNames, builtInDriver }: Announcement): string {
  const [first] = hostNames;
  if (first !== undefined) {
    const [plural, one] = hostNames.length === 1 ? ['', 'it'] : ['s', 'one'];
    return `Workspaces are vClusters on your host cluster${plural}; \`hexabase-cli host check ${first}\` looks at ${one}.`;
  }
  return builtInDriver === 'local'
    ? 'Each workspace has a real kube-apiserver and etcd of its own; its nodes and containers are simulated.'
    : 'Workspaces are simulated Kubernetes: the API is real, nodes and containers are not.';
}
