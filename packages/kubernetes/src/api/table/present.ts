import type { KubeObject } from '../../types.ts';
import type { Call } from '../deps.ts';
import { badRequest } from '../errors.ts';
import type { Negotiated } from '../http/negotiate.ts';
import { columnsOf } from './columns.ts';

export type IncludePolicy = 'None' | 'Metadata' | 'Object';

export interface TableInput {
  items: readonly KubeObject[];
  metadata: Record<string, unknown>;
}

/** What each row carries beside its cells. Throws 400. */
export function includePolicy(query: URLSearchParams): IncludePolicy {
  const value = query.get('includeObject') ?? '';
  if (value === '') return 'Metadata';
  if (value === 'None' || value === 'Metadata' || value === 'Object') return value;
  throw badRequest(`unrecognized includeObject value: "${value}"`);
}

/** `metav1.Table` without rows. */
export function tableShell(negotiated: Negotiated): { kind: string; apiVersion: string } {
  return { kind: 'Table', apiVersion: `meta.k8s.io/${negotiated.asVersion}` };
}

/** Objects as rows of the columns of their kind. */
export function tableOf(
  call: Call,
  input: TableInput,
  options: { negotiated: Negotiated; include: IncludePolicy },
): Record<string, unknown> {
  const columns = columnsOf(call.info);
  const context = { nowMs: call.cluster.deps.clock.now() };
  return {
    ...tableShell(options.negotiated),
    metadata: input.metadata,
    columnDefinitions: columns.map(({ name, type, format, description, priority }) => ({
      name,
      type: type ?? 'string',
      format: format ?? '',
      description: description ?? name,
      priority: priority ?? 0,
    })),
    rows: input.items.map((object) => ({
      cells: columns.map((column) => column.cell(object, context)),
      object: rowObject(object, options.include, options.negotiated),
    })),
  };
}

function rowObject(object: KubeObject, include: IncludePolicy, negotiated: Negotiated): unknown {
  if (include === 'None') return undefined;
  return include === 'Object' ? object : partialOf(object, negotiated);
}

/** `metav1.PartialObjectMetadata`. */
export function partialOf<M>(
  object: { metadata: M },
  negotiated: Negotiated,
): { kind: string; apiVersion: string; metadata: M } {
  return {
    kind: 'PartialObjectMetadata',
    apiVersion: `meta.k8s.io/${negotiated.asVersion}`,
    metadata: object.metadata,
  };
}
