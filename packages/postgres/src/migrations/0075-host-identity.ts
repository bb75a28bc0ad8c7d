/** Which cluster a host cluster is: uid of its namespace `kube-system`, recorded when it first answered. */
export const up = ['alter table hexabase.host_clusters add column cluster_uid text'];

export const down = ['alter table hexabase.host_clusters drop column cluster_uid'];
