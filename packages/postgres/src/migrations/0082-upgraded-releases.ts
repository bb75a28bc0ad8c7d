/**
 * The release that a workspace was last brought by an upgrade: it shows that others get there too, which one that was made
 * with it does not.
 */
export const up = ['alter table hexabase.workspaces add column upgraded_release text'];

export const down = ['alter table hexabase.workspaces drop column upgraded_release'];
