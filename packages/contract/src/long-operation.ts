import * as z from 'zod';
import { id, orgFilter, pageQuery, progress, timestamp } from './common.ts';
import { operation } from './operation.ts';
import { defineResource } from './resource.ts';

const schema = z.object({
  id,
  kind: z.string().describe('for example `workspace.create`'),
  organizationId: id,
  subject: z.string().describe('what it works on, `workspace/<id>`'),
  state: z.enum(['running', 'succeeded', 'failed', 'stuck']),
  progress: progress.nullable(),
  message: z.string(),
  report: z
    .record(z.string(), z.unknown())
    .nullable()
    .describe('a deletion says here what was removed and what is left'),
  events: z.array(
    z.object({ step: z.string(), attempt: z.int(), kind: z.string(), message: z.string(), at: timestamp }),
  ),
  createdAt: timestamp,
  finishedAt: timestamp.nullable(),
});

/** Work that goes on after the answer: its steps, its end, its report. */
export const longOperation = defineResource({
  noun: 'operation',
  plural: 'operations',
  help: 'Work that goes on after an answer: steps, end and report.',
  schema,
  columns: [
    { header: 'ID', field: 'id' },
    { header: 'KIND', field: 'kind' },
    { header: 'SUBJECT', field: 'subject' },
    { header: 'STATE', field: 'state', as: 'phase' },
    { header: 'AGE', field: 'createdAt', as: 'age' },
  ],
  operations: {
    list: operation({
      id: 'operation.list',
      method: 'GET',
      path: '/api/v1/operations',
      summary: 'Lists operations of your organizations, newest first.',
      access: { kind: 'authenticated' },
      query: pageQuery.extend({ ...orgFilter, subject: z.string().max(120).optional() }),
      output: z.array(schema),
      paged: true,
      cli: { verb: 'list', positional: [] },
    }),
    get: operation({
      id: 'operation.get',
      method: 'GET',
      path: '/api/v1/operations/{id}',
      summary: 'Shows one operation with its steps.',
      access: { kind: 'action', action: 'operation:read' },
      target: 'operation',
      output: schema,
      cli: { verb: 'get', positional: ['id'], bespoke: true },
    }),
  },
});

export type LongOperation = z.infer<typeof schema>;
