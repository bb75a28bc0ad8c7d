import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { hostCluster, type HostCluster } from '@hexabase/contract/platform/host-cluster.ts';
import { wordsOf } from '@hexabase/cluster/host/host-check.ts';
import { isThisMachine } from '@hexabase/cluster/host/from-pod/issuer-from-pod.ts';
import type { Condition } from '@hexabase/kernel/conditions.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { knownIssuerAuthority } from '../certificates/public-authority.ts';
import { findHelm } from '../hosts/helm.ts';
import { findAuthority } from '../installation/authority.ts';
import { networksOf } from '../hosts/host-networks.ts';
import { checkImageOf, discoveryDocument, imagesOf } from '../hosts/host-settings.ts';
import { createLog } from '../log.ts';
import { textTable } from '../text-table.ts';
import { readNamed, StartError } from '../lifecycle/data-folder.ts';
import { loadMasterKey } from '../lifecycle/master-key.ts';
import type { OperatorAnswer } from './commands.ts';
import {
  checkHost,
  editHost,
  forgetHost,
  getHost,
  listHosts,
  makeHost,
  setHostState,
  type HostStore,
} from './hosts.ts';
import { answer, issuerOf, nounOptions, runNounCommand, type NounRequest } from './noun-command.ts';

export const hostUsage = `Usage: hexabase-cli host add NAME --region R (--kubeconfig FILE [--context C] | --in-cluster)
       hexabase-cli host update NAME [--region R] [--kubeconfig FILE [--context C]] [--another-cluster]
       hexabase-cli host list
       hexabase-cli host get NAME
       hexabase-cli host check NAME      looks at everything that workspaces need there, also from a pod
       hexabase-cli host cordon NAME     gives it no new workspaces
       hexabase-cli host uncordon NAME
       hexabase-cli host drain NAME      cordons it and says which workspaces remain; nothing is moved
       hexabase-cli host remove NAME     forgets it; refused while workspaces live there

  --another-cluster     the kubeconfig leads to another cluster, which takes its place on purpose:
                        workspaces that are not there tell that they are lost
  --dedicated true|false it has nodes for dedicated workspaces
  --label KEY=VALUE     may be repeated; replaces the labels
  --max-workspaces N    how many it takes; \`none\` for as many as its nodes carry
  --max-cpu-milli N     sum of the plans of its workspaces; \`none\` for no limit
  --max-memory-mib N    the same for memory
  --config FILE         settings of the server (HKS_SERVER_CONFIG)`;

const options = {
  ...nounOptions,
  region: { type: 'string' },
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  'in-cluster': { type: 'boolean' },
  'another-cluster': { type: 'boolean' },
  dedicated: { type: 'string' },
  label: { type: 'string', multiple: true },
  'max-workspaces': { type: 'string' },
  'max-cpu-milli': { type: 'string' },
  'max-memory-mib': { type: 'string' },
} as const;

const settings = ['region', 'dedicated', 'label', 'max-workspaces', 'max-cpu-milli', 'max-memory-mib'];

/** Options of single commands; the others take those of every noun alone. */
const optionsOf: Readonly<Record<string, readonly string[]>> = {
  add: [...settings, 'kubeconfig', 'context', 'in-cluster'],
  update: [...settings, 'kubeconfig', 'context', 'another-cluster'],
};

/** As the choice of a place takes it. */
const verdicts: Readonly<Record<Condition['status'], string>> = {
  True: 'takes workspaces.',
  Unknown:
    'may or may not carry workspaces: not everything could be looked at. It gets new ones only while no other host cluster of its region is known to be in order; host-cluster cordon keeps them away.',
  False: 'does not take workspaces yet.',
};

const needsPublicUrl =
  'The server does not start with host clusters and without an address that their pods reach: start it with --public-url https://NAME[:PORT] --listen 0.0.0.0; later starts remember the address.';

type Values = ReturnType<typeof parse>['values'];

type Request = NounRequest<Values>;

const verbs: Readonly<Record<string, (request: Request) => Promise<OperatorAnswer>>> = {
  add,
  update,
  list,
  get: async (request) => shown(await getHost(storeOf(request), request.name)),
  check,
  cordon: async (request) => shown(await setHostState(storeOf(request), request.name, 'cordoned')),
  uncordon: async (request) => shown(await setHostState(storeOf(request), request.name, 'active')),
  drain: async (request) => shown(await setHostState(storeOf(request), request.name, 'draining')),
  remove: async (request) => {
    const { name } = request;
    await forgetHost(storeOf(request), name);
    return answer(`Forgot the host cluster ${name}.`, { name, removed: true });
  },
};

/** Runs `hexabase-cli host …`. Throws `StartError` for a command line that cannot be understood, else `AppError`. */
export function runHostCommand(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<OperatorAnswer> {
  return runNounCommand({ noun: 'host', usage: hostUsage, parse, verbs }, argv, env);
}

function storeOf({ database, config }: Request): HostStore {
  return { database, vault: createKeyVault(loadMasterKey(config)) };
}

async function add(request: Request): Promise<OperatorAnswer> {
  const { name, values } = request;
  const credentials = credentialsIn(values);
  if ((credentials === null) === (values['in-cluster'] !== true))
    throw new StartError('Give either --kubeconfig FILE or --in-cluster.');
  const body = hostCluster.operations.add.body.parse({
    name,
    region: values.region,
    ...settingsIn(values),
    inCluster: credentials === null,
    ...(credentials && { kubeconfig: credentials.kubeconfig }),
  });
  const made = await makeHost(storeOf(request), {
    row: {
      name: body.name,
      region: body.region,
      labels: body.labels,
      dedicated_nodes: body.dedicatedNodes,
      max_workspaces: body.maxWorkspaces,
      max_cpu_milli: body.maxCpuMilli,
      max_memory_mib: body.maxMemoryMib,
      created_by: null,
    },
    credentials,
  });
  const text = `Added the host cluster ${name} in region ${made.region}. Now: hexabase-cli host check ${name}`;
  const { publicUrl } = request.config;
  const unreached = publicUrl === undefined || isThisMachine(publicUrl);
  return answer(unreached ? `${text}\n${needsPublicUrl}` : text, made);
}

async function update(request: Request): Promise<OperatorAnswer> {
  const { name, values } = request;
  const body = hostCluster.operations.update.body.parse({
    ...(values.region !== undefined && { region: values.region }),
    ...settingsIn(values),
  });
  const change = {
    ...(body.region !== undefined && { region: body.region }),
    ...(body.labels !== undefined && { labels: body.labels }),
    ...(body.dedicatedNodes !== undefined && { dedicated_nodes: body.dedicatedNodes }),
    ...(body.maxWorkspaces !== undefined && { max_workspaces: body.maxWorkspaces }),
    ...(body.maxCpuMilli !== undefined && { max_cpu_milli: body.maxCpuMilli }),
    ...(body.maxMemoryMib !== undefined && { max_memory_mib: body.maxMemoryMib }),
  };
  const credentials = credentialsIn(values);
  const anotherCluster = values['another-cluster'] === true;
  return shown(await editHost(storeOf(request), name, { change, credentials, anotherCluster }));
}

async function list(request: Request): Promise<OperatorAnswer> {
  const hosts = await listHosts(storeOf(request));
  if (hosts.length === 0) {
    return answer('There are no host clusters: workspaces are made by the driver that is built in.', hosts);
  }
  const rows = hosts.map((host) => [
    host.name,
    host.region,
    host.state,
    host.ready,
    host.observed?.kubernetesVersion ?? '-',
    String(host.used.workspaces),
    host.note,
  ]);
  return answer(
    textTable([['NAME', 'REGION', 'STATE', 'READY', 'VERSION', 'WORKSPACES', 'NOTE'], ...rows]),
    hosts,
  );
}

async function check(request: Request): Promise<OperatorAnswer> {
  const { name, config } = request;
  const { hosts, dataDir } = config;
  const issuer = issuerOf(config);
  const { database, vault } = storeOf(request);
  const caPem = await findAuthority({ database, vault, dir: join(dataDir, 'ca') });
  const { checks, ready } = await checkHost(storeOf(request), name, {
    issuer,
    discoveryUrl: discoveryDocument(hosts),
    image: checkImageOf(hosts),
    command: hosts.checkCommand ?? null,
    pullPolicy: hosts.imagePullPolicy,
    storageClass: hosts.storageClass ?? null,
    networks: networksOf(hosts),
    tenantVersions: hosts.tenantKubernetesVersion,
    chart: {
      source: { location: hosts.vclusterChart, digest: hosts.vclusterChartDigest ?? null },
      keptIn: join(dataDir, 'charts'),
      images: imagesOf(hosts),
    },
    findHelm: () => findHelm({ settings: hosts, dataDir, log: createLog(config.logLevel) }),
    trust: knownIssuerAuthority(config, { caPem, nowMs: systemClock.now() }),
  });
  const lines = checks.map((found) => {
    const { type, status, required } = found;
    const word =
      status === 'True' ? 'ok' : status === 'Unknown' ? 'unknown' : required ? 'MISSING' : 'without';
    return `${word.padEnd(8)} ${type.padEnd(24)} ${wordsOf(found)}`;
  });
  if (issuer === null) {
    lines.push(
      `unknown  IssuerReachable          The server does not run and no --public-url is set: nobody tried whether pods reach it`,
    );
  }
  lines.push(`${name} ${verdicts[ready.status]}`);
  const isReady = ready.status === 'True';
  return { text: lines.join('\n'), json: { name, ready: isReady, checks }, exitCode: isReady ? 0 : 1 };
}

function shown(host: HostCluster): OperatorAnswer {
  const lines = [
    `${host.name}: ${host.state}, region ${host.region}, ready ${host.ready}, ${host.used.workspaces} workspaces`,
    ...(host.note === '' ? [] : [host.note]),
    ...(host.remaining ?? []).map(
      ({ workspaceId, phase, isolation, plan, roomOn }) =>
        `  ${workspaceId}  ${phase}  ${isolation}  ${plan}  ${roomOn === null ? 'no room elsewhere' : `room on ${roomOn}`}`,
    ),
    ...host.conditions
      .filter(({ status }) => status !== 'True')
      .map(({ type, status, message }) => `  ${type}=${status}: ${message}`),
  ];
  return answer(lines.join('\n'), host);
}

function credentialsIn({
  kubeconfig,
  context,
}: Values): { kubeconfig: string; context: string | undefined } | null {
  if (kubeconfig === undefined) {
    if (context !== undefined)
      throw new StartError('--context chooses in a kubeconfig: give --kubeconfig FILE too.');
    return null;
  }
  return { kubeconfig: readNamed(kubeconfig, `The kubeconfig ${kubeconfig}`), context };
}

/** As the contract wants them; it is the contract that judges them. */
function settingsIn(values: Values): Record<string, unknown> {
  return {
    ...(values.dedicated !== undefined && { dedicatedNodes: truthOf(values.dedicated) }),
    ...(values.label !== undefined && { labels: Object.fromEntries(values.label.map(pairOf)) }),
    ...(values['max-workspaces'] !== undefined && { maxWorkspaces: limitOf(values['max-workspaces']) }),
    ...(values['max-cpu-milli'] !== undefined && { maxCpuMilli: limitOf(values['max-cpu-milli']) }),
    ...(values['max-memory-mib'] !== undefined && { maxMemoryMib: limitOf(values['max-memory-mib']) }),
  };
}

function truthOf(text: string): boolean {
  if (text !== 'true' && text !== 'false')
    throw new StartError(`--dedicated is true or false, not “${text}”.`);
  return text === 'true';
}

/** Null is no limit. */
function limitOf(text: string): number | null {
  if (text === 'none') return null;
  if (!/^\d+$/.test(text)) throw new StartError(`“${text}” is no limit: write a whole number, or none.`);
  return Number(text);
}

function pairOf(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new StartError(`“${text}” is no label: write KEY=VALUE.`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

function parse(args: string[]) {
  const parsed = parseArgs({ args, options, strict: true, allowPositionals: true });
  const [verb = ''] = parsed.positionals;
  const taken = [...Object.keys(nounOptions), ...((Object.hasOwn(optionsOf, verb) && optionsOf[verb]) || [])];
  const other = Object.keys(parsed.values).find((name) => !taken.includes(name));
  if (Object.hasOwn(verbs, verb) && other !== undefined)
    throw new StartError(`host ${verb} takes no --${other}.`);
  return parsed;
}
