/** What was put back where a workspace is made is asked at each look, and hardly ever anything was. */
export const up = [
  `create index workspaces_refused_release on hexabase.workspaces (host_cluster_id) where refused_release is not null`,
];

export const down = ['drop index hexabase.workspaces_refused_release'];
