const tables = ['memberships', 'invitations'];
const before = ['owner', 'admin', 'developer', 'viewer'];

/** The role that sees what an organization has and costs, and nothing of what runs in it. */
export const up = tables.flatMap((table) => roleCheck(table, [...before, 'billing']));

export const down = [
  ...tables.map((table) => `delete from hexabase.${table} where role = 'billing'`),
  ...tables.flatMap((table) => roleCheck(table, before)),
];

function roleCheck(table: string, roles: readonly string[]): string[] {
  const list = roles.map((role) => `'${role}'`).join(', ');
  return [
    `alter table hexabase.${table} drop constraint ${table}_role_check`,
    `alter table hexabase.${table} add constraint ${table}_role_check check (role in (${list}))`,
  ];
}
