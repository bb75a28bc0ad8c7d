import type { Names } from './names.ts';

/** Files of `packages/features/src/<plural>/`, by name. */
export function featureTemplates(names: Names): Record<string, string> {
  return {
    'store.ts': store(names),
    'find.ts': find(names),
    'create.ts': create(names),
    'get.ts': get(names),
    'list.ts': list(names),
    'update.ts': update(names),
    'delete.ts': remove(names),
    'routes.ts': routes(names),
    'feature.ts': feature(names),
  };
}

function store({ noun, camel, pascal, pascalPlural, table }: Names): string {
  return `import type { ${pascal} } from '@hexabase/contract/${noun}.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql, type Generated, type Selectable } from 'kysely';
import { offsetOf, orderBy, type PageQuery } from '../run/paging.ts';

interface ${pascal}Table {
  id: string;
  organization_id: string;
  name: string;
  description: Generated<string>;
  created_by: string | null;
  created_at: Date;
}

declare module '@hexabase/postgres/schema.ts' {
  interface Schema {
    ${table}: ${pascal}Table;
  }
}

export type ${pascal}Row = Selectable<${pascal}Table>;

const sortable = { name: 'name', createdAt: 'created_at' } as const;

export async function list${pascal}Rows(
  tx: Tx,
  organizationId: string,
  query: PageQuery,
): Promise<{ data: ${pascal}[]; total: number }> {
  const order = orderBy(query.sort, sortable, { column: 'name', direction: 'asc' });
  const own = tx.selectFrom('${table}').where('organization_id', '=', organizationId);
  const rows = await own
    .selectAll()
    .orderBy(order.column, order.direction)
    .orderBy('id')
    .limit(query.limit)
    .offset(offsetOf(query))
    .execute();
  const { total } = await own.select(sql<number>\`count(*)::integer\`.as('total')).executeTakeFirstOrThrow();
  return { data: rows.map(to${pascal}), total };
}

/** One of the organization's ${pascalPlural} by name or id. */
export async function find${pascal}Row(tx: Tx, organizationId: string, nameOrId: string): Promise<${pascal}Row | null> {
  const row = await tx
    .selectFrom('${table}')
    .selectAll()
    .where('organization_id', '=', organizationId)
    .where((eb) => eb.or([eb('name', '=', nameOrId), eb('id', '=', nameOrId)]))
    .executeTakeFirst();
  return row ?? null;
}

/** Answers null when the organization has one of that name. */
export async function insert${pascal}(tx: Tx, row: ${pascal}Row): Promise<${pascal}Row | null> {
  const inserted = await tx
    .insertInto('${table}')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  return inserted ?? null;
}

export async function update${pascal}Row(tx: Tx, id: string, change: { description: string }): Promise<${pascal}Row> {
  return tx.updateTable('${table}').set(change).where('id', '=', id).returningAll().executeTakeFirstOrThrow();
}

export async function delete${pascal}Row(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('${table}').where('id', '=', id).execute();
}

export function to${pascal}(row: ${pascal}Row): ${pascal} {
  return {
    id: row.id,
    organizationId: row.organization_id,
    name: row.name,
    description: row.description,
    createdAt: row.created_at.toISOString(),
  };
}
`.replace(`One of the organization's ${pascalPlural}`, `A ${camel} of the organization`);
}

function find({ camel, pascal }: Names): string {
  return `import { AppError } from '@hexabase/kernel/errors.ts';
import type { TargetContext } from '../run/use-case.ts';
import { find${pascal}Row, type ${pascal}Row } from './store.ts';

/** The ${camel} that a path names. Throws \`not_found\`. */
export async function require${pascal}({ tx, target }: TargetContext, nameOrId: string): Promise<${pascal}Row> {
  const row = await find${pascal}Row(tx, target.id, nameOrId);
  if (!row) throw new AppError('not_found');
  return row;
}
`;
}

function create({ noun, camel, pascal }: Names): string {
  return `import type { ${camel} } from '@hexabase/contract/${noun}.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import type { UseCase } from '../run/use-case.ts';
import { insert${pascal}, to${pascal} } from './store.ts';

/** Throws \`already_exists\` for a name in use. */
export const create${pascal}: UseCase<typeof ${camel}.operations.create> = async (context, { body }) => {
  const { tx, target, actor, nowMs } = context;
  const row = await insert${pascal}(tx, {
    id: newId<'${pascal}'>(nowMs),
    organization_id: target.organizationId,
    name: body.name,
    description: body.description,
    created_by: actor.userId,
    created_at: new Date(nowMs),
  });
  if (!row) throw new AppError('already_exists');
  context.note({ name: body.name });
  return { data: to${pascal}(row) };
};
`;
}

function get({ noun, camel, pascal }: Names): string {
  return `import type { ${camel} } from '@hexabase/contract/${noun}.ts';
import type { UseCase } from '../run/use-case.ts';
import { require${pascal} } from './find.ts';
import { to${pascal} } from './store.ts';

export const get${pascal}: UseCase<typeof ${camel}.operations.get> = async (context, { params }) => ({
  data: to${pascal}(await require${pascal}(context, params.${camel})),
});
`;
}

function list({ noun, camel, pascal, pascalPlural }: Names): string {
  return `import type { ${camel} } from '@hexabase/contract/${noun}.ts';
import type { UseCase } from '../run/use-case.ts';
import { list${pascal}Rows } from './store.ts';

export const list${pascalPlural}: UseCase<typeof ${camel}.operations.list> = ({ tx, target }, { query }) =>
  list${pascal}Rows(tx, target.id, query);
`;
}

function update({ noun, camel, pascal }: Names): string {
  return `import type { ${camel} } from '@hexabase/contract/${noun}.ts';
import type { UseCase } from '../run/use-case.ts';
import { require${pascal} } from './find.ts';
import { to${pascal}, update${pascal}Row } from './store.ts';

export const update${pascal}: UseCase<typeof ${camel}.operations.update> = async (context, { params, body }) => {
  const row = await require${pascal}(context, params.${camel});
  return { data: to${pascal}(await update${pascal}Row(context.tx, row.id, body)) };
};
`;
}

function remove({ noun, camel, pascal }: Names): string {
  return `import type { ${camel} } from '@hexabase/contract/${noun}.ts';
import type { UseCase } from '../run/use-case.ts';
import { require${pascal} } from './find.ts';
import { delete${pascal}Row } from './store.ts';

export const delete${pascal}: UseCase<typeof ${camel}.operations.delete> = async (context, { params }) => {
  const row = await require${pascal}(context, params.${camel});
  await delete${pascal}Row(context.tx, row.id);
  context.note({ name: row.name });
  return { data: null };
};
`;
}

function routes({ noun, camel, pascal, pascalPlural }: Names): string {
  return `import { ${camel} } from '@hexabase/contract/${noun}.ts';
import { bind } from '../run/use-case.ts';
import { create${pascal} } from './create.ts';
import { delete${pascal} } from './delete.ts';
import { get${pascal} } from './get.ts';
import { list${pascalPlural} } from './list.ts';
import { update${pascal} } from './update.ts';

const { operations } = ${camel};

export const ${camel}Routes = [
  bind(operations.list, list${pascalPlural}),
  bind(operations.create, create${pascal}),
  bind(operations.get, get${pascal}),
  bind(operations.update, update${pascal}),
  bind(operations.delete, delete${pascal}),
];
`;
}

function feature({ noun, camel }: Names): string {
  return `import type { Feature } from '../run/use-case.ts';
import { ${camel}Routes } from './routes.ts';

export const ${camel}Feature: Feature = { noun: '${noun}', bindings: ${camel}Routes };
`;
}
