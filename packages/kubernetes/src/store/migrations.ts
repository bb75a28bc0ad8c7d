/** One step of the schema: plain SQL, each list in one transaction. */
export interface StoreMigration {
  name: string;
  up: string[];
  down: string[];
}

/**
 * The tables of the store, inside the schema `kube`, which must exist. Embedding products run these with their own
 * migrator and give their run-time role select, insert, update and delete; others call `ensureSchema`.
 * There are no foreign keys: they would lock the cluster's row once more for each row written.
 */
export const storeMigrations: readonly StoreMigration[] = [
  {
    name: 'kube-0001-store',
    up: [
      `create table kube.clusters (
        id text primary key,
        uid text not null,
        config jsonb not null,
        rev bigint not null default 1,
        compact_rev bigint not null default 1,
        epoch bigint not null default 0,
        wake_at timestamptz
      ) with (fillfactor = 50)`,
      'create index clusters_wake_at on kube.clusters (wake_at) where wake_at is not null',
      `create table kube.objects (
        cluster_id text collate "C" not null,
        resource text collate "C" not null,
        namespace text collate "C" not null,
        name text collate "C" not null,
        rev bigint not null,
        value text,
        primary key (cluster_id, resource, namespace, name)
      ) with (fillfactor = 80)`,
      `create table kube.log (
        cluster_id text collate "C" not null,
        rev bigint not null,
        resource text collate "C" not null,
        namespace text collate "C" not null,
        name text collate "C" not null,
        type text not null check (type in ('ADDED', 'MODIFIED', 'DELETED')),
        previous text,
        written_at timestamptz not null,
        primary key (cluster_id, rev)
      )`,
      `comment on column kube.objects.value is 'JSON of the object; null hides an object that every cluster has'`,
      `comment on column kube.log.previous is 'JSON of the state before; the state after is the previous of the next change to the same key, or the object itself'`,
    ],
    down: ['drop table kube.log', 'drop table kube.objects', 'drop table kube.clusters'],
  },
  {
    name: 'kube-0002-fences',
    up: [
      `create table kube.fences (
        cluster_id text collate "C" primary key,
        fence bigint not null
      )`,
      `comment on table kube.fences is 'The highest owner number ever used for a cluster; stays when the cluster is removed'`,
    ],
    down: ['drop table kube.fences'],
  },
];
