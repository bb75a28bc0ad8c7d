import { parseArgs } from 'node:util';
import type { ServerFlags } from './config.ts';
import { StartError } from './lifecycle/data-folder.ts';

const options = {
  'data-dir': { type: 'string' },
  'http-port': { type: 'string' },
  'https-port': { type: 'string' },
  'public-url': { type: 'string' },
  'discovery-url': { type: 'string' },
  listen: { type: 'string' },
  config: { type: 'string' },
  driver: { type: 'string' },
  'host-kubeconfig': { type: 'string' },
  'host-region': { type: 'string' },
  detach: { type: 'boolean' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const;

export interface Arguments {
  command: 'up' | 'down' | 'status';
  flags: ServerFlags;
  detach: boolean;
  json: boolean;
  help: boolean;
}

export const usage = `Usage: hks up [--data-dir DIR] [--http-port N] [--https-port N] [--public-url URL] [--listen ADDR] [--config FILE] [--detach]
              [--driver NAME] [--host-kubeconfig FILE [--host-region R]] [--discovery-url URL]
       hks down [--data-dir DIR]
       hks status [--data-dir DIR] [-o json]

  --data-dir DIR     where everything is kept (HKS_DATA_DIR; default ~/.hexabase, for root /var/lib/hexabase)
  --http-port N      web and API, default 8080; 0 takes any free port
  --https-port N     Kubernetes gateway, default 8443; 0 takes any free port
  --public-url URL   https address under which clients reach the gateway (HKS_PUBLIC_URL)
  --listen ADDR      address to listen on, default loopback only
  --config FILE      settings in a YAML file (HKS_SERVER_CONFIG; default /etc/hexabase/config.yaml)
  --driver NAME      embedded (default), or local: a real kube-apiserver and etcd for each workspace, from
                     the programs in HKS_KUBE_BIN (HKS_DRIVER)
  --host-kubeconfig FILE
                     run workspaces on this Kubernetes cluster as vClusters (HKS_HOST_KUBECONFIG); needs --public-url
  --host-region R    region of that cluster, default \`default\`
  --discovery-url URL
                     https address at which workspaces on host clusters reach this server when their pods do not
                     reach the public URL; \`none\` takes it back (HKS_DISCOVERY_URL)
  --detach           return when it is ready; \`hks down\` stops it`;

/** Reads the command line of `hks up|down|status`. Throws `StartError` that names what is wrong. */
export function readArguments(argv: readonly string[]): Arguments {
  const [command, ...rest] = argv;
  if (command !== 'up' && command !== 'down' && command !== 'status') throw new StartError(usage);
  const { values } = parse(rest);
  if (values.output !== undefined && values.output !== 'json') throw new StartError('`-o` takes json.');
  return {
    command,
    flags: {
      ...(values['data-dir'] !== undefined && { dataDir: values['data-dir'] }),
      ...(values['http-port'] !== undefined && { httpPort: values['http-port'] }),
      ...(values['https-port'] !== undefined && { httpsPort: values['https-port'] }),
      ...(values['public-url'] !== undefined && { publicUrl: values['public-url'] }),
      ...(values['discovery-url'] !== undefined && { discoveryUrl: values['discovery-url'] }),
      ...(values.listen !== undefined && { listen: values.listen }),
      ...(values.config !== undefined && { settingsFile: values.config }),
      ...(values.driver !== undefined && { driver: values.driver }),
      ...(values['host-kubeconfig'] !== undefined && { hostKubeconfig: values['host-kubeconfig'] }),
      ...(values['host-region'] !== undefined && { hostRegion: values['host-region'] }),
    },
    detach: values.detach === true,
    json: values.output === 'json',
    help: values.help === true,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false });
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}
