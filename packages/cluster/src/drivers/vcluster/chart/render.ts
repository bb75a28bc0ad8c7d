import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { ApplicableObject } from '../../../kube-api/apply.ts';
import { TenantConflictError } from '../../../port.ts';
import { clusterRoleOf, namesOf } from '../names.ts';
import type { ChartOptions } from '../options.ts';
import { withoutPodsOfOthers } from './narrow-role.ts';
import type { Chart } from './source.ts';
import { chartValues, type ValuesInput } from './values.ts';

export interface RenderInput {
  workspaceId: string;
  /** Version of the host, `v1.34.4`: the chart writes other fields for other versions. */
  hostVersion: string;
  /** Of `valuesText`. */
  values: string;
}

export interface Renderer {
  /** The chart's objects for one workspace. Throws `TenantConflictError` when the chart does not take the values. */
  render(input: RenderInput): Promise<ApplicableObject[]>;
}

/** Stands for a workspace while helm runs, as long as a real id and found nowhere else. */
const placeholder = 'placehol-der0-0000-0000-placeholder0';
const renderMsMax = 30_000;
const outputBytesMax = 8 * 1024 * 1024;

/** Values for all workspaces of one kind: a workspace's own names are put in when they are rendered. */
export function valuesText(input: Omit<ValuesInput, 'names' | 'workspaceId'>): string {
  const names = namesOf(placeholder);
  return JSON.stringify(chartValues({ ...input, names, workspaceId: placeholder }));
}

/** Runs `helm template` once for all workspaces of the same kind, and keeps the result: names are put in afterwards. */
export function createRenderer(chart: Chart, helm: ChartOptions['helm']): Renderer {
  const kept = new Map<string, Promise<string>>();

  function template({ hostVersion, values }: RenderInput): Promise<string> {
    const names = namesOf(placeholder);
    const key = `${hostVersion}\0${values}`;
    const found = kept.get(key);
    if (found) return found;
    const arguments_ = `template ${names.release} --namespace ${names.namespace} --values -`.split(' ');
    arguments_.push('--kube-version', hostVersion);
    const running = programOf(helm)
      .then((program) => runHelm(program, { arguments_, chart, values }))
      .then((text) => JSON.stringify(objectsIn(text)));
    kept.set(key, running);
    running.catch(() => kept.delete(key));
    return running;
  }

  return {
    async render(input) {
      const objects: unknown = JSON.parse(named(await template(input), input.workspaceId));
      return Array.isArray(objects) ? objects.filter(isObject).map(encodeSecret) : [];
    },
  };
}

/** The chart cuts a name that holds both others, so that one comes first. */
function named(text: string, workspaceId: string): string {
  const from = namesOf(placeholder);
  const to = namesOf(workspaceId);
  return text
    .replaceAll(clusterRoleOf(from), clusterRoleOf(to))
    .replaceAll(from.namespace, to.namespace)
    .replaceAll(from.release, to.release)
    .replaceAll(placeholder, workspaceId);
}

async function programOf(helm: ChartOptions['helm']): Promise<string> {
  if (typeof helm === 'string') return helm;
  try {
    return await helm();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new TenantConflictError(message, { reason: 'HelmUnusable', cause });
  }
}

interface HelmRun {
  arguments_: readonly string[];
  chart: Chart;
  values: string;
}

async function runHelm(helm: string, { arguments_, chart, values }: HelmRun): Promise<string> {
  // Nothing of the surroundings decides what comes out: no plugins, no settings, no repositories. And nobody else
  // comes to the chart's files between their digest and helm: they lie there only while it runs.
  const home = await mkdtemp(join(tmpdir(), 'hexabase-helm-'));
  try {
    const path = await written(chart, join(home, 'chart'));
    return await new Promise<string>((done, reject) => {
      const child = execFile(
        helm,
        [...arguments_, '--', path],
        { env: { HOME: home, PATH: '' }, cwd: home, timeout: renderMsMax, maxBuffer: outputBytesMax },
        (error, stdout, stderr) => (error ? reject(explained(error, { helm, stderr })) : done(stdout)),
      );
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(values);
    });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** Puts the chart's files into a new folder; answers what helm is to be given. */
async function written({ isFolder, files }: Chart, folder: string): Promise<string> {
  let path = folder;
  for (const [name, content] of files) {
    const place = resolve(folder, name);
    if (!place.startsWith(folder + sep)) throw new Error(`a file of a chart lies outside of it: ${name}`);
    await mkdir(dirname(place), { recursive: true, mode: 0o700 });
    await writeFile(place, content);
    if (!isFolder) path = place;
  }
  return path;
}

function explained(error: Error, { helm, stderr }: { helm: string; stderr: string }): Error {
  if ('code' in error && (error.code === 'ENOENT' || error.code === 'EACCES'))
    return new TenantConflictError(`The helm program ${helm} cannot be run.`, {
      reason: 'HelmUnusable',
      cause: error,
    });
  const said = stderr.replace(/^Error: /, '').trim();
  if ('killed' in error && error.killed === true)
    return new Error(`helm took longer than ${renderMsMax} ms`, { cause: error });
  return new TenantConflictError(`The vCluster chart cannot be rendered: ${said || error.message}`, {
    reason: 'ChartUnusable',
    cause: error,
  });
}

function objectsIn(yaml: string): ApplicableObject[] {
  const documents = parseAllDocuments(yaml);
  if (!Array.isArray(documents)) return [];
  return documents
    .map((document): unknown => document.toJS())
    .filter(isObject)
    .map(withoutPodsOfOthers)
    .map(decodeSecret);
}

/** The control plane's whole configuration is in a Secret; as text, names can be put in. */
function decodeSecret(object: ApplicableObject): ApplicableObject {
  if (object.kind !== 'Secret') return object;
  const { data, ...rest } = object;
  return { ...rest, stringData: mapText(data, (text) => Buffer.from(text, 'base64').toString('utf8')) };
}

/** As the API server answers it, so that drift can be told. */
function encodeSecret(object: ApplicableObject): ApplicableObject {
  if (object.kind !== 'Secret') return object;
  const { stringData, ...rest } = object;
  return { ...rest, data: mapText(stringData, (text) => Buffer.from(text, 'utf8').toString('base64')) };
}

function mapText(fields: unknown, change: (text: string) => string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(isRecord(fields) ? fields : {}).map(([key, value]) => [key, change(String(value))]),
  );
}

function isObject(value: unknown): value is ApplicableObject {
  if (!isRecord(value)) return false;
  const { apiVersion, kind, metadata } = value;
  return (
    typeof apiVersion === 'string' &&
    typeof kind === 'string' &&
    isRecord(metadata) &&
    typeof metadata['name'] === 'string'
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
