import * as z from 'zod';
import { pageQuery } from '../common.ts';
import { operation } from '../operation.ts';
import { defineResource } from '../resource.ts';

const schema = z.object({
  name: z.string(),
  displayName: z.string(),
  maxWorkspaces: z.int().nullable().describe('null is unlimited'),
  cpuMilli: z.int().describe('thousandths of a CPU'),
  memoryMib: z.int(),
  storageGib: z.int(),
  isolations: z.array(z.enum(['shared', 'dedicated'])),
  support: z.string(),
  auditDays: z.int().describe('how long the audit log is kept'),
  rank: z.int().describe("a workspace's plan is never above its organization's"),
});

/** How much an organization may have, and how large a workspace is. */
export const plan = defineResource({
  noun: 'plan',
  plural: 'plans',
  help: 'How many workspaces an organization may have and how large one is.',
  schema,
  columns: [
    { header: 'NAME', field: 'name' },
    { header: 'WORKSPACES', field: 'maxWorkspaces' },
    { header: 'CPU-MILLI', field: 'cpuMilli' },
    { header: 'MEMORY-MIB', field: 'memoryMib' },
    { header: 'SUPPORT', field: 'support' },
  ],
  operations: {
    list: operation({
      id: 'plan.list',
      method: 'GET',
      path: '/api/v1/plans',
      summary: 'Lists the plans.',
      access: { kind: 'authenticated' },
      query: pageQuery,
      output: z.array(schema),
      paged: true,
      cli: { verb: 'list', positional: [] },
    }),
  },
});

export type Plan = z.infer<typeof schema>;
