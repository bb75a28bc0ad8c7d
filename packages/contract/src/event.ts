import * as z from 'zod';
import { id, pageQuery, timestamp } from './common.ts';
import { operation } from './operation.ts';
import { defineResource } from './resource.ts';

const schema = z.object({
  id,
  organizationId: id,
  sequence: z
    .int()
    .nullable()
    .describe('counts without gaps per organization; null for the moment until the entry is chained'),
  actorId: id.nullable(),
  actorEmail: z.string().nullable(),
  action: z.string().describe('the operation, or a kubectl call through the gateway'),
  target: z.string(),
  outcome: z.enum(['allowed', 'denied', 'failed']),
  requestId: z.string(),
  details: z.record(z.string(), z.unknown()),
  hash: z.string().nullable().describe('SHA-256 over the previous hash and this entry'),
  createdAt: timestamp,
});

/** An entry of the audit log. */
export const event = defineResource({
  noun: 'event',
  plural: 'events',
  help: 'An entry of the audit log: who did what, when, and whether it was allowed.',
  schema,
  columns: [
    { header: 'AT', field: 'createdAt' },
    { header: 'WHO', field: 'actorEmail' },
    { header: 'ACTION', field: 'action' },
    { header: 'TARGET', field: 'target' },
    { header: 'OUTCOME', field: 'outcome' },
  ],
  operations: {
    list: operation({
      id: 'event.list',
      method: 'GET',
      path: '/api/v1/organizations/{id}/events',
      summary: 'Reads the audit log of an organization, newest first.',
      access: { kind: 'action', action: 'event:read' },
      target: 'organization',
      query: pageQuery.extend({ action: z.string().max(80).optional() }),
      output: z.array(schema),
      paged: true,
      cli: { verb: 'list', positional: [] },
    }),
  },
});

export type AuditEvent = z.infer<typeof schema>;
