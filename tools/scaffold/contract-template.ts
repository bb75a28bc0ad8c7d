import type { Names } from './names.ts';

/** `packages/contract/src/<noun>.ts`: a resource of an organization that has a name and a description. */
export function contractTemplate({ noun, plural, camel, pascal }: Names): string {
  return `import * as z from 'zod';
import { dnsLabel, id, pageQuery, timestamp } from './common.ts';
import { operation } from './operation.ts';
import { defineResource } from './resource.ts';

declare module './action.ts' {
  interface ResourceActions {
    '${noun}:read': true;
    '${noun}:manage': true;
  }
}

const schema = z.object({
  id,
  organizationId: id,
  name: z.string(),
  description: z.string(),
  createdAt: timestamp,
});

const description = z.string().max(200);
const path = '/api/v1/organizations/{id}/${plural}';

/** A ${noun.replaceAll('-', ' ')} of an organization. */
export const ${camel} = defineResource({
  noun: '${noun}',
  plural: '${plural}',
  help: 'A ${noun.replaceAll('-', ' ')} of an organization.',
  schema,
  columns: [
    { header: 'NAME', field: 'name' },
    { header: 'DESCRIPTION', field: 'description' },
    { header: 'AGE', field: 'createdAt', as: 'age' },
  ],
  actions: [
    { action: '${noun}:read', lowestRole: 'viewer' },
    { action: '${noun}:manage', lowestRole: 'admin' },
  ],
  operations: {
    list: operation({
      id: '${noun}.list',
      method: 'GET',
      path,
      summary: 'Lists the ${plural.replaceAll('-', ' ')} of an organization.',
      access: { kind: 'action', action: '${noun}:read' },
      target: 'organization',
      query: pageQuery,
      output: z.array(schema),
      paged: true,
      cli: { verb: 'list', positional: ['id'] },
    }),
    create: operation({
      id: '${noun}.create',
      method: 'POST',
      path,
      summary: 'Makes a ${noun.replaceAll('-', ' ')}.',
      access: { kind: 'action', action: '${noun}:manage' },
      target: 'organization',
      body: z.strictObject({ name: dnsLabel, description: description.default('') }),
      output: schema,
      status: 201,
      errors: ['already_exists'],
      example: { name: 'my-${noun}' },
      cli: { verb: 'create', positional: ['id', 'name'] },
    }),
    get: operation({
      id: '${noun}.get',
      method: 'GET',
      path: \`\${path}/{${camel}}\`,
      summary: 'Shows one ${noun.replaceAll('-', ' ')}, by name or id.',
      access: { kind: 'action', action: '${noun}:read' },
      target: 'organization',
      output: schema,
      cli: { verb: 'get', positional: ['id', '${camel}'] },
    }),
    update: operation({
      id: '${noun}.update',
      method: 'PATCH',
      path: \`\${path}/{${camel}}\`,
      summary: 'Changes the description.',
      access: { kind: 'action', action: '${noun}:manage' },
      target: 'organization',
      body: z.strictObject({ description }),
      output: schema,
      example: { description: 'changed' },
      cli: { verb: 'update', positional: ['id', '${camel}'] },
    }),
    delete: operation({
      id: '${noun}.delete',
      method: 'DELETE',
      path: \`\${path}/{${camel}}\`,
      summary: 'Deletes a ${noun.replaceAll('-', ' ')}.',
      access: { kind: 'action', action: '${noun}:manage' },
      target: 'organization',
      status: 204,
      cli: { verb: 'delete', positional: ['id', '${camel}'], confirm: 'yes-no' },
    }),
  },
});

export type ${pascal} = z.infer<typeof schema>;
`;
}

/** `packages/postgres/src/migrations/NNNN-<plural>.ts`. */
export function migrationTemplate({ table }: Names): string {
  return `import { tenantTable } from './helpers/tenant-table.ts';

export const up = [
  \`create table hexabase.${table} (
     id text primary key,
     organization_id text not null references hexabase.organizations on delete cascade,
     name text not null,
     description text not null default '',
     created_by text,
     created_at timestamptz not null default now(),
     unique (organization_id, name)
   )\`,
  ...tenantTable('${table}', { grants: { api: 'select, insert, update, delete', worker: 'select' } }),
];

export const down = ['drop table hexabase.${table}'];
`;
}
