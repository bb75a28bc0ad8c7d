import type { ServerConfig } from './config.ts';

/** Where a server is reached; what follows from that for certificates and checks. */
export interface Addresses {
  config: Pick<ServerConfig, 'listen' | 'publicUrl'> & { hosts: Pick<ServerConfig['hosts'], 'discoveryUrl'> };
  urls: { https: string };
}

/** Addresses as clients see them, without a trailing slash. */
export interface ServerUrls {
  http: string;
  https: string;
}

export function urlsOf(
  { publicUrl }: Pick<ServerConfig, 'publicUrl'>,
  ports: { http: number; https: number },
): ServerUrls {
  return {
    http: `http://localhost:${ports.http}`,
    https: (publicUrl ?? `https://localhost:${ports.https}`).replace(/\/+$/, ''),
  };
}

/** Addresses that mean "all of this machine's"; no client calls them. */
const wildcards = ['0.0.0.0', '::', 'localhost'];

/** Names beyond the loopback ones under which clients reach this server. */
export function certificateHosts({ config, urls }: Addresses): string[] {
  const { discoveryUrl } = config.hosts;
  return [
    new URL(urls.https).hostname,
    ...(discoveryUrl === undefined ? [] : [new URL(discoveryUrl).hostname]),
    ...(wildcards.includes(config.listen) ? [] : [config.listen]),
  ];
}

/** Names that a Host header may hold. */
export function allowedHosts(addresses: Addresses): string[] {
  return ['localhost', '127.0.0.1', '[::1]', ...certificateHosts(addresses)];
}

/** Whether only this machine reaches the server. Behind a proxy on this machine every caller would look local. */
export function isLoopbackOnly({ config }: Addresses): boolean {
  return config.publicUrl === undefined && config.listen === 'localhost';
}

/** What somebody who just started types next. */
export function nextCommands(launcher: string): string[] {
  return [
    `${launcher} workspace create my-first-workspace --plan starter`,
    `${launcher} kubeconfig my-first-workspace > kc.yaml`,
    'KUBECONFIG=$PWD/kc.yaml kubectl get nodes',
  ];
}
