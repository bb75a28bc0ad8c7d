import * as z from 'zod';
import { id, pageQuery, timestamp } from './common.ts';
import { operation } from './operation.ts';
import { defineResource } from './resource.ts';

declare module './action.ts' {
  interface ResourceActions {
    'platform-audit:read': true;
  }
}

const schema = z.object({
  id,
  organizationId: id.nullable().describe('null: it belongs to a person or to the platform'),
  personId: id.nullable().describe('whose sign-ins and tokens it is about'),
  workspaceId: id.nullable(),
  sequence: z
    .int()
    .nullable()
    .describe('counts without gaps per organization; null for the moment until the entry is chained'),
  actorId: id.nullable(),
  actorEmail: z.string().nullable(),
  grantId: id.nullable().describe('the grant by which somebody from outside the organization did this'),
  action: z.string().describe('the operation, `auth.…`, or `kube:<verb>` for calls of kubectl'),
  target: z.string(),
  outcome: z.enum(['allowed', 'denied', 'failed']),
  address: z.string().nullable().describe('the address that the connection came from'),
  agent: z.string().nullable().describe('what the program says it is'),
  requestId: z.string(),
  details: z.record(z.string(), z.unknown()),
  hash: z.string().nullable().describe('SHA-256 over the previous hash and this entry'),
  createdAt: timestamp,
});

const moment = z.iso.datetime({ offset: true });
const exactOrPrefix = z.string().min(1).max(200);

const filters = {
  actor: z.string().min(1).max(254).optional().describe('e-mail address or id'),
  action: exactOrPrefix.optional().describe('exact, or a beginning with * at its end: kube:*'),
  target: exactOrPrefix.optional().describe('exact, or a beginning with * at its end: workspaces/*'),
  outcome: z.enum(['allowed', 'denied', 'failed']).optional(),
  workspace: z.string().min(1).max(64).optional().describe('slug or id'),
  from: moment.optional().describe('not before this time, for example 2030-01-31T00:00:00Z'),
  to: moment.optional().describe('before this time'),
};

const list = pageQuery.extend(filters);

const columns = [
  { header: 'AT', field: 'createdAt' },
  { header: 'WHO', field: 'actorEmail' },
  { header: 'FROM', field: 'address' },
  { header: 'ACTION', field: 'action' },
  { header: 'TARGET', field: 'target' },
  { header: 'OUTCOME', field: 'outcome' },
] as const;

const path = '/api/v1/organizations/{id}/audit';

/** Who did what, from where, when, and whether it was allowed. */
export const audit = defineResource({
  noun: 'audit',
  plural: 'audit',
  help: 'The audit log: who did what, from where, when, and whether it was allowed.',
  schema,
  columns,
  platformActions: ['platform-audit:read'],
  operations: {
    list: operation({
      id: 'audit.list',
      heavy: true,
      method: 'GET',
      path,
      summary: 'Reads the audit log of an organization and the sign-ins of its members, newest first.',
      access: { kind: 'action', action: 'event:read' },
      target: 'organization',
      query: list,
      output: z.array(schema),
      paged: true,
      cli: { verb: 'list', positional: [] },
    }),
    export: operation({
      id: 'audit.export',
      heavy: true,
      method: 'GET',
      path: `${path}/export`,
      summary: 'Streams the audit log of an organization, oldest first, as CSV or as lines of JSON.',
      access: { kind: 'action', action: 'event:read' },
      target: 'organization',
      query: z.object({ ...filters, format: z.enum(['csv', 'jsonl']).default('jsonl') }),
      recorded: true,
      raw: ['text/csv', 'application/x-ndjson'],
      cli: { verb: 'export', positional: [], bespoke: true },
    }),
    mine: operation({
      id: 'audit.mine',
      method: 'GET',
      path: '/api/v1/audit',
      summary:
        'Reads your own log, newest first: sign-ins, sessions, tokens, and what belongs to no organization.',
      access: { kind: 'authenticated' },
      query: list.omit({ actor: true, workspace: true }),
      output: z.array(schema),
      paged: true,
      cli: { verb: 'mine', positional: [] },
    }),
    platform: operation({
      id: 'audit.platform',
      method: 'GET',
      path: '/api/v1/platform/audit',
      summary: 'Reads the log of the platform itself, newest first; nothing of any organization.',
      access: { kind: 'platform', action: 'platform-audit:read' },
      query: list.omit({ workspace: true }),
      output: z.array(schema),
      paged: true,
      cli: { verb: 'platform', positional: [] },
    }),
  },
});

export type AuditEntry = z.infer<typeof schema>;

/** What a log can be searched by. */
export interface AuditFilters {
  actor?: string | undefined;
  action?: string | undefined;
  target?: string | undefined;
  outcome?: AuditEntry['outcome'] | undefined;
  workspace?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}
