import type { OrganizationRole } from '@hexabase/kernel/actor.ts';
import type * as z from 'zod';
import type { Action } from './action.ts';
import type { Operation } from './operation.ts';

/** A column of the CLI's tables and of the console's lists. */
export interface Column {
  header: string;
  /** Dotted path into the representation. */
  field: string;
  /** How to print it; plain text when absent. */
  as?: 'age' | 'list' | 'phase';
}

/** One noun of the product: its representation and what can be done with it. */
export interface Resource {
  /** `workspace`: singular, as typed on the command line. */
  noun: string;
  /** `workspaces`: as it stands in paths. */
  plural: string;
  /** One sentence: what it is. */
  help: string;
  schema: z.ZodObject;
  columns: readonly Column[];
  /** Actions of its own (see `ResourceActions`), each with the lowest role of an organization that may do it. */
  actions?: readonly { action: Action; lowestRole: OrganizationRole }[];
  /** Actions of its own on the platform, which no role of an organization gives. */
  platformActions?: readonly Action[];
  operations: Readonly<Record<string, Operation>>;
}

/** Names the type of a resource without widening it. */
export function defineResource<const T extends Resource>(resource: T): T {
  return resource;
}
