/**
 * The release whose chart is more than one minor version ahead of the one that a workspace was made from. It says nothing
 * of that release, so it is not kept with the one that was put back.
 */
export const up = ['alter table hexabase.workspaces add column too_far_for text'];

export const down = ['alter table hexabase.workspaces drop column too_far_for'];
