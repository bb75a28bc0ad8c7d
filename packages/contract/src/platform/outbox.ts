import * as z from 'zod';
import { id, pageQuery, timestamp } from '../common.ts';
import { operation } from '../operation.ts';
import { defineResource } from '../resource.ts';

declare module '../action.ts' {
  interface ResourceActions {
    'outbox:read': true;
  }
}

const schema = z.object({
  id,
  kind: z.string(),
  recipient: z.string(),
  subject: z.string(),
  state: z.enum(['waiting', 'kept', 'sent']).describe('kept: no mail server is set'),
  createdAt: timestamp,
  sentAt: timestamp.nullable(),
  lastError: z.string().nullable().describe('why it could not be sent yet'),
});

const path = '/api/v1/outbox';

/**
 * Letters to people. On a trial on one machine, without a mail server, they are read here, and each look is recorded.
 * Anywhere else a letter is its reader's alone: it may hold what lets somebody in.
 */
export const outbox = defineResource({
  noun: 'outbox',
  plural: 'outbox',
  help: 'Mails that the platform wrote; on a trial without a mail server they are read here.',
  schema,
  columns: [
    { header: 'ID', field: 'id' },
    { header: 'TO', field: 'recipient' },
    { header: 'SUBJECT', field: 'subject' },
    { header: 'STATE', field: 'state' },
    { header: 'AGE', field: 'createdAt', as: 'age' },
  ],
  platformActions: ['outbox:read'],
  operations: {
    list: operation({
      id: 'outbox.list',
      method: 'GET',
      path,
      summary: 'Lists mails, the newest first.',
      access: { kind: 'platform', action: 'outbox:read' },
      query: pageQuery.omit({ sort: true }),
      output: z.array(schema),
      paged: true,
      cli: { verb: 'list', positional: [], isDefault: true },
    }),
    get: operation({
      id: 'outbox.get',
      method: 'GET',
      path: `${path}/{id}`,
      summary: 'Shows one mail, on a trial without a mail server with its text; looking is recorded.',
      access: { kind: 'platform', action: 'outbox:read' },
      recorded: true,
      output: schema.extend({
        text: z
          .string()
          .nullable()
          .describe('null but on a trial on one machine without a mail server: it is the reader’s alone'),
      }),
      cli: { verb: 'get', positional: ['id'], text: 'text' },
    }),
  },
});

export type OutboxMail = z.infer<typeof schema>;
