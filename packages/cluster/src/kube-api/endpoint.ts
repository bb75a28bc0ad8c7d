import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { parseYamlWithSecrets } from '@hexabase/kernel/text/yaml-with-secrets.ts';
import * as z from 'zod';

/** Where a Kubernetes API is and how we prove who we are. Everything in it is text: no file is read later. */
export interface KubeEndpoint {
  /** `https://10.0.0.1:6443`, with a path when the API has one, without a slash at the end. */
  server: string;
  /** PEM; null for the authorities that the system trusts. */
  certificateAuthority: string | null;
  credentials: KubeCredentials;
  /** Name that the server's certificate must hold, when it is not the host of `server`. */
  serverName?: string;
  /** Opens the way when the address cannot be dialled from here; raw bytes, TLS is spoken on top. */
  connect?: () => Promise<Duplex>;
}

export type KubeCredentials =
  | { kind: 'token'; token: string }
  | { kind: 'certificate'; cert: string; key: string };

/** A kubeconfig that we do not take; the message says what is in the way and what to do. */
export class KubeconfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'KubeconfigError';
  }
}

const cluster = z.looseObject({
  server: z.string(),
  'certificate-authority': z.string().optional(),
  'certificate-authority-data': z.string().optional(),
  'insecure-skip-tls-verify': z.boolean().optional(),
  'tls-server-name': z.string().optional(),
  'proxy-url': z.string().optional(),
});

const user = z.looseObject({
  token: z.string().optional(),
  tokenFile: z.string().optional(),
  'client-certificate': z.string().optional(),
  'client-certificate-data': z.string().optional(),
  'client-key': z.string().optional(),
  'client-key-data': z.string().optional(),
});

const kubeconfig = z.looseObject({
  'current-context': z.string().default(''),
  clusters: z.array(z.looseObject({ name: z.string(), cluster })),
  users: z.array(z.looseObject({ name: z.string(), user })),
  contexts: z.array(
    z.looseObject({ name: z.string(), context: z.looseObject({ cluster: z.string(), user: z.string() }) }),
  ),
});

/**
 * Reads one context of a kubeconfig (the current one by default). Throws `KubeconfigError` for what would run a program,
 * read a file beside the text, go without verification, or act as somebody else: a text that was handed over must do
 * none of these on our machine.
 */
export function parseKubeconfig(text: string, context?: string): KubeEndpoint {
  const config = kubeconfig.safeParse(readYaml(text));
  if (!config.success)
    throw new KubeconfigError(`This is not a kubeconfig: ${z.prettifyError(config.error)}`);
  const name = context ?? config.data['current-context'];
  if (name === '') throw new KubeconfigError('The kubeconfig names no current context; choose one.');
  const chosen = pick(config.data.contexts, 'context', name).context;
  return {
    ...placeOf(pick(config.data.clusters, 'cluster', chosen.cluster).cluster),
    credentials: credentialsOf(pick(config.data.users, 'user', chosen.user).user),
  };
}

const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

type ReadAccountFile = (file: string) => string;

const readAccountFile: ReadAccountFile = (file) => readFileSync(join(serviceAccountFolder, file), 'utf8');

/**
 * The API of the cluster that this process runs in, as its pod's service account (Kubernetes, "Accessing the API from
 * within a Pod"). The token changes while the process runs, so it is read from its file at each use.
 */
export function inClusterEndpoint(read: ReadAccountFile = readAccountFile): KubeEndpoint {
  const token = () => read('token').trim();
  try {
    token();
  } catch {
    throw new KubeconfigError(
      `This process is in no pod of a cluster: ${serviceAccountFolder}/token cannot be read. Give a kubeconfig.`,
    );
  }
  return {
    server: 'https://kubernetes.default.svc',
    certificateAuthority: read('ca.crt'),
    credentials: {
      kind: 'token',
      get token() {
        return token();
      },
    },
  };
}

/** The namespace of the pod that this process runs in. Throws what reading its file throws, outside of a pod. */
export function inClusterNamespace(read: ReadAccountFile = readAccountFile): string {
  return read('namespace').trim();
}

function readYaml(text: string): unknown {
  try {
    return parseYamlWithSecrets(text);
  } catch (error) {
    throw new KubeconfigError(`The kubeconfig ${error instanceof Error ? error.message : ''}.`);
  }
}

function pick<T extends { name: string }>(list: readonly T[], what: string, name: string): T {
  const found = list.find((entry) => entry.name === name);
  if (!found) throw new KubeconfigError(`The kubeconfig has no ${what} named “${name}”.`);
  return found;
}

const serverLengthMax = 2_048;
const hostNameLengthMax = 253;

function placeOf(place: z.infer<typeof cluster>): Omit<KubeEndpoint, 'credentials'> {
  if (place['insecure-skip-tls-verify'] === true) {
    throw new KubeconfigError(
      'The kubeconfig says insecure-skip-tls-verify: the server would not be verified. Put its authority into certificate-authority-data.',
    );
  }
  refuseFile('certificate-authority', place['certificate-authority']);
  if (place['proxy-url'] !== undefined)
    throw new KubeconfigError('The kubeconfig has a proxy-url, which is not supported.');
  if (place.server.length > serverLengthMax) {
    throw new KubeconfigError(`The server’s address is longer than ${serverLengthMax} characters.`);
  }
  const url = URL.parse(place.server);
  // It is shown to people and written into logs: there is no place for a secret in it.
  const isPlain =
    url?.protocol === 'https:' && `${url.username}${url.password}${url.search}${url.hash}` === '';
  if (!isPlain) {
    throw new KubeconfigError(`The server “${withoutSecrets(place.server)}” is not a plain https address.`);
  }
  // RFC 1035, 2.3.4
  if (url.hostname.length > hostNameLengthMax) {
    throw new KubeconfigError(
      `The server’s host name is longer than the ${hostNameLengthMax} characters that DNS takes.`,
    );
  }
  const authority = place['certificate-authority-data'];
  return {
    server: url.href.replace(/\/+$/, ''),
    certificateAuthority: authority === undefined ? null : pemOf('certificate-authority-data', authority),
    ...(place['tls-server-name'] !== undefined && { serverName: place['tls-server-name'] }),
  };
}

/** Neither who signs in with what (RFC 3986 §3.2.1) nor what follows the path. */
function withoutSecrets(address: string): string {
  return address.replace(/[?#].*/s, '…').replace(/^([^/]*\/\/)?.*@/s, '$1…@');
}

function credentialsOf(person: z.infer<typeof user>): KubeCredentials {
  for (const [field, what] of [
    ['exec', 'runs a program to sign in (exec)'],
    ['auth-provider', 'signs in through an auth-provider'],
    ['username', 'signs in with a password, which Kubernetes has dropped'],
    ['password', 'signs in with a password, which Kubernetes has dropped'],
    ['as', 'acts as somebody else (as)'],
    ['as-groups', 'acts as somebody else (as-groups)'],
    ['as-uid', 'acts as somebody else (as-uid)'],
    ['as-user-extra', 'acts as somebody else (as-user-extra)'],
  ] as const) {
    if (person[field] !== undefined) {
      throw new KubeconfigError(
        `The kubeconfig’s user ${what}. Make a service account with a token of its own and put that into the kubeconfig.`,
      );
    }
  }
  refuseFile('tokenFile', person.tokenFile);
  refuseFile('client-certificate', person['client-certificate']);
  refuseFile('client-key', person['client-key']);
  const cert = person['client-certificate-data'];
  const key = person['client-key-data'];
  if (person.token !== undefined && person.token !== '') {
    // It goes into a header; RFC 6750 takes less than this.
    if (!/^[\x21-\x7e]+$/.test(person.token)) {
      throw new KubeconfigError(
        'The kubeconfig’s token holds a line break, a space or another character that no token has. Copy it again.',
      );
    }
    return { kind: 'token', token: person.token };
  }
  if (cert === undefined || key === undefined) {
    throw new KubeconfigError(
      'The kubeconfig’s user has neither a token nor client-certificate-data with client-key-data.',
    );
  }
  return {
    kind: 'certificate',
    cert: pemOf('client-certificate-data', cert),
    key: pemOf('client-key-data', key),
  };
}

function refuseFile(field: string, path: string | undefined): void {
  if (path === undefined || path === '') return;
  throw new KubeconfigError(
    `The kubeconfig points to a file (${field}: ${path}). Write the contents into it: kubectl config view --raw --flatten.`,
  );
}

function pemOf(field: string, base64: string): string {
  const pem = Buffer.from(base64, 'base64').toString('utf8');
  if (!pem.includes('-----BEGIN '))
    throw new KubeconfigError(`The kubeconfig’s ${field} is not base64 of a PEM text.`);
  return pem;
}
