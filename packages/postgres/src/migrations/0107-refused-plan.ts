/** The smaller plan that what runs in a workspace did not fit into when it was asked for last. */
export const up = ['alter table hexabase.workspaces add column refused_plan text'];

export const down = ['alter table hexabase.workspaces drop column refused_plan'];
