-- Made by the migrations; for reading, not for running.

create table hexabase.access_grants (
  id text not null,
  organization_id text not null,
  user_id text,
  operator text not null,
  level text not null,
  kind text not null,
  reason text not null,
  granted_by text not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  revoked_at timestamp with time zone,
  revoked_by text
);
alter table access_grants add constraint access_grants_pkey PRIMARY KEY (id);
alter table access_grants add constraint access_grants_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE CASCADE;
alter table access_grants add constraint access_grants_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table access_grants add constraint access_grants_check CHECK (((expires_at > created_at) AND (expires_at <= (created_at + '08:00:00'::interval))));
alter table access_grants add constraint access_grants_kind_check CHECK ((kind = ANY (ARRAY['granted'::text, 'break-glass'::text])));
alter table access_grants add constraint access_grants_level_check CHECK ((level = ANY (ARRAY['read'::text, 'admin'::text])));
alter table access_grants add constraint access_grants_taken_by_somebody CHECK (((user_id IS NOT NULL) OR (kind = 'granted'::text)));
CREATE INDEX access_grants_organization_id_created_at_idx ON hexabase.access_grants USING btree (organization_id, created_at DESC);
CREATE INDEX access_grants_user_id_expires_at_idx ON hexabase.access_grants USING btree (user_id, expires_at);
alter table access_grants enable row level security, force row level security;
create policy hexabase_api on access_grants to hexabase_api using (((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])) OR (user_id = ( SELECT scope_user() AS scope_user)))) with check (((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])) OR (user_id = ( SELECT scope_user() AS scope_user))));
create policy hexabase_identity on access_grants to hexabase_identity using (true) with check (true);
create policy hexabase_owner on access_grants to hexabase_owner using (true) with check (true);
create policy hexabase_worker on access_grants to hexabase_worker using (true) with check (true);
grant insert, select, update (revoked_at, revoked_by) on access_grants to hexabase_api;
grant select on access_grants to hexabase_identity;
grant select on access_grants to hexabase_worker;

create table hexabase.api_tokens (
  id text not null,
  user_id text not null,
  organization_id text,
  name text not null,
  scope text not null,
  workspace_id text,
  token_hash text not null,
  created_by text not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  last_used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  federation_id text,
  withheld text[] not null default '{}'::text[]
);
alter table api_tokens add constraint api_tokens_token_hash_key UNIQUE (token_hash);
alter table api_tokens add constraint api_tokens_pkey PRIMARY KEY (id);
alter table api_tokens add constraint api_tokens_federation_id_fkey FOREIGN KEY (federation_id) REFERENCES federations(id) ON DELETE CASCADE;
alter table api_tokens add constraint api_tokens_organization_id_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users(organization_id, id) ON DELETE CASCADE;
alter table api_tokens add constraint api_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table api_tokens add constraint api_tokens_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE;
alter table api_tokens add constraint api_tokens_check CHECK ((expires_at <= (created_at + '366 days'::interval)));
alter table api_tokens add constraint api_tokens_check1 CHECK (((scope = 'workspace'::text) = (workspace_id IS NOT NULL)));
alter table api_tokens add constraint api_tokens_scope_check CHECK ((scope = ANY (ARRAY['read'::text, 'write'::text, 'workspace'::text])));
CREATE INDEX api_tokens_federation_id_idx ON hexabase.api_tokens USING btree (federation_id);
CREATE UNIQUE INDEX api_tokens_name ON hexabase.api_tokens USING btree (user_id, lower(name)) WHERE ((revoked_at IS NULL) AND (federation_id IS NULL));
CREATE INDEX api_tokens_organization_id_user_id_idx ON hexabase.api_tokens USING btree (organization_id, user_id);
CREATE INDEX api_tokens_workspace_id_idx ON hexabase.api_tokens USING btree (workspace_id);
alter table api_tokens enable row level security, force row level security;
create policy hexabase_api on api_tokens to hexabase_api using ((((organization_id IS NULL) AND (user_id = ( SELECT scope_user() AS scope_user))) OR (organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])))) with check ((((organization_id IS NULL) AND (user_id = ( SELECT scope_user() AS scope_user))) OR (organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[]))));
create policy hexabase_identity on api_tokens to hexabase_identity using (true) with check (true);
create policy hexabase_owner on api_tokens to hexabase_owner using (true) with check (true);
grant insert, select (created_at, created_by, expires_at, federation_id, id, last_used_at, name, organization_id, revoked_at, scope, user_id, workspace_id), update (revoked_at) on api_tokens to hexabase_api;
grant delete, insert, select, update (last_used_at) on api_tokens to hexabase_identity;

create table hexabase.audit_checkpoints (
  chain text not null,
  sequence bigint not null,
  hash text not null,
  signed_at timestamp with time zone not null,
  signature text not null
);
alter table audit_checkpoints add constraint audit_checkpoints_pkey PRIMARY KEY (chain);
alter table audit_checkpoints enable row level security, force row level security;
create policy hexabase_owner on audit_checkpoints to hexabase_owner using (true) with check (true);
create policy hexabase_worker on audit_checkpoints to hexabase_worker using (true) with check (true);
grant insert, select, update on audit_checkpoints to hexabase_worker;

create table hexabase.audit_entries (
  id text not null,
  organization_id text,
  sequence bigint,
  actor_id text,
  actor_email text,
  action text not null,
  target text not null,
  outcome text not null,
  request_id text not null default ''::text,
  details jsonb not null default '{}'::jsonb,
  hash text,
  created_at timestamp with time zone not null default date_trunc('milliseconds'::text, now()),
  version smallint not null default 2,
  person_id text,
  seen_by text[] not null default '{}'::text[],
  workspace_id text,
  address text,
  agent text,
  access_grant_id text,
  chain text not null default COALESCE(organization_id, ('person:'::text || person_id), ''::text)
);
alter table audit_entries add constraint audit_entries_pkey PRIMARY KEY (id);
alter table audit_entries add constraint audit_entries_check CHECK (((sequence IS NULL) = (hash IS NULL)));
alter table audit_entries add constraint audit_entries_outcome_check CHECK ((outcome = ANY (ARRAY['allowed'::text, 'denied'::text, 'failed'::text])));
CREATE INDEX audit_entries_organization_id_created_at_idx ON hexabase.audit_entries USING btree (organization_id, created_at DESC);
CREATE INDEX audit_entries_person_id_created_at_idx ON hexabase.audit_entries USING btree (person_id, created_at DESC) WHERE (person_id IS NOT NULL);
CREATE INDEX audit_entries_seen_by_idx ON hexabase.audit_entries USING gin (seen_by) WHERE (seen_by <> '{}'::text[]);
CREATE UNIQUE INDEX audit_entries_sequence ON hexabase.audit_entries USING btree (chain, sequence) WHERE (sequence IS NOT NULL);
CREATE INDEX audit_entries_unchained ON hexabase.audit_entries USING btree (id) WHERE (sequence IS NULL);
CREATE INDEX audit_entries_workspace_id_created_at_idx ON hexabase.audit_entries USING btree (workspace_id, created_at DESC) WHERE (workspace_id IS NOT NULL);
alter table audit_entries enable row level security, force row level security;
create policy hexabase_api on audit_entries to hexabase_api using (((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])) OR (person_id = ( SELECT scope_user() AS scope_user)) OR (seen_by && ( SELECT scope_organizations() AS scope_organizations)))) with check (((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])) OR ((organization_id IS NULL) AND (COALESCE(person_id, ( SELECT scope_user() AS scope_user)) = ( SELECT scope_user() AS scope_user)) AND (seen_by = '{}'::text[]))));
create policy hexabase_identity on audit_entries to hexabase_identity using (true) with check (true);
create policy hexabase_owner on audit_entries to hexabase_owner using (true) with check (true);
create policy hexabase_worker on audit_entries to hexabase_worker using (true);
create policy hexabase_worker_adds on audit_entries to hexabase_worker with check ((sequence IS NULL));
create policy hexabase_worker_chains on audit_entries to hexabase_worker using ((sequence IS NULL)) with check ((sequence IS NOT NULL));
grant insert, select on audit_entries to hexabase_api;
grant insert on audit_entries to hexabase_identity;
grant insert, select, update (hash, sequence) on audit_entries to hexabase_worker;

create table hexabase.audit_heads (
  organization_id text not null,
  sequence bigint not null,
  hash text not null,
  updated_at timestamp with time zone not null default now()
);
alter table audit_heads add constraint audit_heads_pkey PRIMARY KEY (organization_id);
alter table audit_heads enable row level security, force row level security;
create policy hexabase_api on audit_heads to hexabase_api using ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[]))) with check ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])));
create policy hexabase_owner on audit_heads to hexabase_owner using (true) with check (true);
create policy hexabase_worker on audit_heads to hexabase_worker using (true) with check (true);
grant select on audit_heads to hexabase_api;
grant insert, select, update on audit_heads to hexabase_worker;

create table hexabase.device_tries (
  id text not null,
  failures integer not null,
  last_at timestamp with time zone not null
);
alter table device_tries add constraint device_tries_pkey PRIMARY KEY (id);
CREATE INDEX device_tries_last_at_idx ON hexabase.device_tries USING btree (last_at);
alter table device_tries enable row level security, force row level security;
create policy hexabase_identity on device_tries to hexabase_identity using (true) with check (true);
create policy hexabase_owner on device_tries to hexabase_owner using (true) with check (true);
grant delete, insert, select, update on device_tries to hexabase_identity;

create table hexabase.external_identities (
  provider_id text not null,
  subject text not null,
  user_id text not null,
  email text not null,
  linked_at timestamp with time zone not null
);
alter table external_identities add constraint external_identities_pkey PRIMARY KEY (provider_id, subject);
alter table external_identities add constraint external_identities_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES identity_providers(id) ON DELETE CASCADE;
alter table external_identities add constraint external_identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
CREATE INDEX external_identities_user ON hexabase.external_identities USING btree (user_id);
alter table external_identities enable row level security, force row level security;
create policy hexabase_identity on external_identities to hexabase_identity using (true) with check (true);
create policy hexabase_owner on external_identities to hexabase_owner using (true) with check (true);
grant delete, insert, select, update on external_identities to hexabase_identity;

create table hexabase.factor_tickets (
  id text not null,
  user_id text not null,
  kind text not null,
  browser_hash text,
  page text,
  session_id text,
  name text,
  challenge text,
  tries integer not null default 0,
  expires_at timestamp with time zone not null,
  proof bigint not null default 0
);
alter table factor_tickets add constraint factor_tickets_pkey PRIMARY KEY (id);
alter table factor_tickets add constraint factor_tickets_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table factor_tickets add constraint factor_tickets_check CHECK (((kind <> 'page'::text) OR ((browser_hash IS NOT NULL) AND (page IS NOT NULL))));
alter table factor_tickets add constraint factor_tickets_check1 CHECK (((kind <> 'register'::text) OR ((session_id IS NOT NULL) AND (name IS NOT NULL))));
alter table factor_tickets add constraint factor_tickets_kind_check CHECK ((kind = ANY (ARRAY['login'::text, 'page'::text, 'register'::text])));
CREATE INDEX factor_tickets_expiry ON hexabase.factor_tickets USING btree (expires_at);
CREATE INDEX factor_tickets_user ON hexabase.factor_tickets USING btree (user_id);
alter table factor_tickets enable row level security, force row level security;
create policy hexabase_identity on factor_tickets to hexabase_identity using (true) with check (true);
create policy hexabase_owner on factor_tickets to hexabase_owner using (true) with check (true);
grant delete, insert, select, update on factor_tickets to hexabase_identity;

create table hexabase.federation_uses (
  id text not null,
  expires_at timestamp with time zone not null
);
alter table federation_uses add constraint federation_uses_pkey PRIMARY KEY (id);
CREATE INDEX federation_uses_expires_at_idx ON hexabase.federation_uses USING btree (expires_at);
alter table federation_uses enable row level security, force row level security;
create policy hexabase_identity on federation_uses to hexabase_identity using (true) with check (true);
create policy hexabase_owner on federation_uses to hexabase_owner using (true) with check (true);
grant delete, insert, select on federation_uses to hexabase_identity;

create table hexabase.federations (
  id text not null,
  organization_id text not null,
  user_id text not null,
  name text not null,
  issuer text not null,
  audience text not null,
  conditions text[] not null,
  scope text not null,
  workspace_id text,
  created_by text not null,
  created_at timestamp with time zone not null,
  last_used_at timestamp with time zone
);
alter table federations add constraint federations_pkey PRIMARY KEY (id);
alter table federations add constraint federations_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE CASCADE;
alter table federations add constraint federations_organization_id_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users(organization_id, id) ON DELETE CASCADE;
alter table federations add constraint federations_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE;
alter table federations add constraint federations_check CHECK (((scope = 'workspace'::text) = (workspace_id IS NOT NULL)));
alter table federations add constraint federations_conditions_check CHECK ((cardinality(conditions) > 0));
alter table federations add constraint federations_issuer_check CHECK ((issuer ~~ 'https://%'::text));
alter table federations add constraint federations_scope_check CHECK ((scope = ANY (ARRAY['read'::text, 'write'::text, 'workspace'::text])));
CREATE UNIQUE INDEX federations_name ON hexabase.federations USING btree (organization_id, name);
CREATE INDEX federations_user_id_issuer_idx ON hexabase.federations USING btree (user_id, issuer);
CREATE INDEX federations_workspace_id_idx ON hexabase.federations USING btree (workspace_id);
alter table federations enable row level security, force row level security;
create policy hexabase_api on federations to hexabase_api using ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[]))) with check ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])));
create policy hexabase_identity on federations to hexabase_identity using (true) with check (true);
create policy hexabase_owner on federations to hexabase_owner using (true) with check (true);
grant delete, insert, select on federations to hexabase_api;
grant delete, insert, select, update (last_used_at) on federations to hexabase_identity;

create table hexabase.group_members (
  group_id text not null,
  user_id text not null,
  organization_id text not null,
  created_at timestamp with time zone not null default now(),
  provider text
);
alter table group_members add constraint workspace_group_members_pkey PRIMARY KEY (group_id, user_id);
alter table group_members add constraint group_members_membership FOREIGN KEY (organization_id, user_id) REFERENCES memberships(organization_id, user_id) ON DELETE CASCADE;
alter table group_members add constraint group_members_provider_fkey FOREIGN KEY (provider) REFERENCES identity_providers(name) ON DELETE CASCADE;
alter table group_members add constraint workspace_group_members_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups(id) ON DELETE CASCADE;
CREATE INDEX group_members_provider_user_id_idx ON hexabase.group_members USING btree (provider, user_id) WHERE (provider IS NOT NULL);
CREATE INDEX group_members_user_id_idx ON hexabase.group_members USING btree (user_id);
CREATE INDEX workspace_group_members_organization_id_user_id_idx ON hexabase.group_members USING btree (organization_id, user_id);
alter table group_members enable row level security, force row level security;
create policy hexabase_api on group_members to hexabase_api using ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[]))) with check ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])));
create policy hexabase_identity on group_members to hexabase_identity using (true) with check (true);
create policy hexabase_owner on group_members to hexabase_owner using (true) with check (true);
create policy hexabase_worker on group_members to hexabase_worker using (true) with check (true);
grant delete, insert, select, update on group_members to hexabase_api;
grant delete, insert, select on group_members to hexabase_identity;
grant delete, insert, select, update on group_members to hexabase_worker;

create table hexabase.groups (
  id text not null,
  workspace_id text,
  organization_id text not null,
  parent_id text,
  name text not null,
  created_at timestamp with time zone not null default now(),
  created_by text,
  provider text,
  provider_value text
);
alter table groups add constraint workspace_groups_workspace_id_name_key UNIQUE (workspace_id, name);
alter table groups add constraint workspace_groups_pkey PRIMARY KEY (id);
alter table groups add constraint groups_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE CASCADE;
alter table groups add constraint groups_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES groups(id) ON DELETE SET NULL;
alter table groups add constraint groups_provider_fkey FOREIGN KEY (provider) REFERENCES identity_providers(name) ON DELETE SET NULL;
alter table groups add constraint workspace_groups_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE;
CREATE INDEX groups_below ON hexabase.groups USING btree (organization_id, parent_id);
CREATE UNIQUE INDEX groups_name ON hexabase.groups USING btree (organization_id, lower(name)) WHERE (workspace_id IS NULL);
CREATE INDEX groups_parent ON hexabase.groups USING btree (parent_id);
CREATE UNIQUE INDEX groups_provider ON hexabase.groups USING btree (provider, provider_value) WHERE (provider IS NOT NULL);
CREATE INDEX workspace_groups_parent_id_idx ON hexabase.groups USING btree (parent_id);
alter table groups enable row level security, force row level security;
create policy hexabase_api on groups to hexabase_api using ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[]))) with check ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])));
create policy hexabase_identity on groups to hexabase_identity using (true) with check (true);
create policy hexabase_owner on groups to hexabase_owner using (true) with check (true);
create policy hexabase_worker on groups to hexabase_worker using (true) with check (true);
grant delete, insert, select, update on groups to hexabase_api;
grant delete, insert, select, update (provider, provider_value) on groups to hexabase_identity;
grant delete, insert, select, update on groups to hexabase_worker;

create table hexabase.host_cluster_credentials (
  host_cluster_id text not null,
  sealed text not null,
  updated_at timestamp with time zone not null default now()
);
alter table host_cluster_credentials add constraint host_cluster_credentials_pkey PRIMARY KEY (host_cluster_id);
alter table host_cluster_credentials add constraint host_cluster_credentials_host_cluster_id_fkey FOREIGN KEY (host_cluster_id) REFERENCES host_clusters(id) ON DELETE CASCADE;
alter table host_cluster_credentials enable row level security, force row level security;
create policy hexabase_api on host_cluster_credentials to hexabase_api using (( SELECT scope_is_operator() AS scope_is_operator)) with check (( SELECT scope_is_operator() AS scope_is_operator));
create policy hexabase_owner on host_cluster_credentials to hexabase_owner using (true) with check (true);
create policy hexabase_worker on host_cluster_credentials to hexabase_worker using (true) with check (true);
grant delete, insert, select (host_cluster_id), update on host_cluster_credentials to hexabase_api;
grant delete, insert, select, update on host_cluster_credentials to hexabase_worker;

create table hexabase.host_clusters (
  id text not null,
  name text not null,
  region text not null,
  labels jsonb not null default '{}'::jsonb,
  state text not null default 'active'::text,
  dedicated_nodes boolean not null default false,
  in_cluster boolean not null default false,
  server text,
  max_workspaces integer,
  max_cpu_milli integer,
  max_memory_mib integer,
  generation integer not null default 1,
  conditions jsonb not null default '[]'::jsonb,
  observed jsonb,
  checked_at timestamp with time zone,
  failing_since timestamp with time zone,
  check_due timestamp with time zone not null default now(),
  created_by text,
  created_at timestamp with time zone not null default now(),
  cluster_uid text,
  known_twice boolean not null default false
);
alter table host_clusters add constraint host_clusters_name_key UNIQUE (name);
alter table host_clusters add constraint host_clusters_pkey PRIMARY KEY (id);
alter table host_clusters add constraint host_clusters_state_check CHECK ((state = ANY (ARRAY['active'::text, 'cordoned'::text, 'draining'::text])));
CREATE UNIQUE INDEX host_cluster_is_one ON hexabase.host_clusters USING btree (cluster_uid) WHERE (NOT known_twice);
alter table host_clusters enable row level security, force row level security;
create policy hexabase_api on host_clusters to hexabase_api using (( SELECT scope_is_operator() AS scope_is_operator)) with check (( SELECT scope_is_operator() AS scope_is_operator));
create policy hexabase_owner on host_clusters to hexabase_owner using (true) with check (true);
create policy hexabase_worker on host_clusters to hexabase_worker using (true) with check (true);
grant delete, insert, select, update on host_clusters to hexabase_api;
grant delete, insert, select, update on host_clusters to hexabase_worker;

create table hexabase.idempotency_keys (
  user_id text not null,
  organization_id text not null default ''::text,
  key text not null,
  operation text not null,
  request_hash text not null,
  status integer,
  response jsonb,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null default (now() + '24:00:00'::interval)
);
alter table idempotency_keys add constraint idempotency_keys_pkey PRIMARY KEY (user_id, organization_id, key);
CREATE INDEX idempotency_keys_expires_at_idx ON hexabase.idempotency_keys USING btree (expires_at);
alter table idempotency_keys enable row level security, force row level security;
create policy hexabase_api on idempotency_keys to hexabase_api using ((user_id = ( SELECT scope_user() AS scope_user))) with check ((user_id = ( SELECT scope_user() AS scope_user)));
create policy hexabase_owner on idempotency_keys to hexabase_owner using (true) with check (true);
create policy hexabase_worker on idempotency_keys to hexabase_worker using (true) with check (true);
grant delete, insert, select, update on idempotency_keys to hexabase_api;
grant delete, select on idempotency_keys to hexabase_worker;

create table hexabase.identity_providers (
  id text not null,
  name text not null,
  kind text not null,
  label text not null,
  issuer text not null,
  client_id text not null,
  client_secret_sealed text not null,
  scopes text not null,
  enabled boolean not null default true,
  from_file boolean not null,
  created_at timestamp with time zone not null,
  second_factor text not null default 'ask'::text,
  groups_claim text,
  groups_organization_id text,
  groups_parent text,
  groups_map jsonb not null default '[]'::jsonb
);
alter table identity_providers add constraint identity_providers_name_key UNIQUE (name);
alter table identity_providers add constraint identity_providers_pkey PRIMARY KEY (id);
alter table identity_providers add constraint identity_providers_groups_organization_id_fkey FOREIGN KEY (groups_organization_id) REFERENCES organizations(id) ON DELETE SET NULL;
alter table identity_providers add constraint identity_providers_kind_check CHECK ((kind = ANY (ARRAY['oidc'::text, 'github'::text])));
alter table identity_providers add constraint identity_providers_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9-]{0,39}$'::text));
alter table identity_providers add constraint identity_providers_second_factor_check CHECK ((second_factor = ANY (ARRAY['ask'::text, 'amr'::text, 'given'::text])));
CREATE INDEX identity_providers_groups_organization_id_idx ON hexabase.identity_providers USING btree (groups_organization_id);
alter table identity_providers enable row level security, force row level security;
create policy hexabase_identity on identity_providers to hexabase_identity using (true) with check (true);
create policy hexabase_owner on identity_providers to hexabase_owner using (true) with check (true);
grant delete, insert, select, update on identity_providers to hexabase_identity;

create table hexabase.installation (
  singleton boolean not null default true,
  public_url text,
  discovery_url text,
  authority text,
  first_owner_shown_at timestamp with time zone,
  warm_pool jsonb
);
alter table installation add constraint installation_pkey PRIMARY KEY (singleton);
alter table installation add constraint installation_singleton_check CHECK (singleton);
alter table installation enable row level security, force row level security;
create policy hexabase_identity on installation to hexabase_identity using (true) with check (true);
create policy hexabase_owner on installation to hexabase_owner using (true) with check (true);
create policy hexabase_worker on installation to hexabase_worker using (true) with check (true);
grant select (first_owner_shown_at, singleton), update (first_owner_shown_at) on installation to hexabase_identity;
grant select, update on installation to hexabase_worker;

create table hexabase.inventory (
  cluster text not null,
  kind text not null,
  key text not null,
  subject text not null,
  organization_id text,
  fence bigint not null,
  external_uid text,
  orphan_since timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  last_seen_at timestamp with time zone
);
alter table inventory add constraint inventory_pkey PRIMARY KEY (cluster, kind, key);
CREATE INDEX inventory_subject_idx ON hexabase.inventory USING btree (subject);
alter table inventory enable row level security, force row level security;
create policy hexabase_owner on inventory to hexabase_owner using (true) with check (true);
create policy hexabase_worker on inventory to hexabase_worker using (true) with check (true);
grant delete, insert, select, update on inventory to hexabase_worker;

create table hexabase.invitations (
  id text not null,
  organization_id text not null,
  email text not null,
  role text not null,
  group_ids text[] not null default '{}'::text[],
  token_hash text not null,
  invited_by text not null,
  created_at timestamp with time zone not null,
  sent_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  accepted_at timestamp with time zone,
  accepted_by text,
  declined_at timestamp with time zone,
  revoked_at timestamp with time zone
);
alter table invitations add constraint invitations_token_hash_key UNIQUE (token_hash);
alter table invitations add constraint invitations_pkey PRIMARY KEY (id);
alter table invitations add constraint invitations_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE CASCADE;
alter table invitations add constraint invitations_email_check CHECK ((email = lower(email)));
alter table invitations add constraint invitations_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'developer'::text, 'viewer'::text, 'billing'::text])));
CREATE INDEX invitations_email_idx ON hexabase.invitations USING btree (email) WHERE ((accepted_at IS NULL) AND (declined_at IS NULL) AND (revoked_at IS NULL));
CREATE UNIQUE INDEX invitations_open ON hexabase.invitations USING btree (organization_id, email) WHERE ((accepted_at IS NULL) AND (declined_at IS NULL) AND (revoked_at IS NULL));
alter table invitations enable row level security, force row level security;
create policy hexabase_api on invitations to hexabase_api using ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[]))) with check ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])));
create policy hexabase_identity on invitations to hexabase_identity using (true) with check (true);
create policy hexabase_owner on invitations to hexabase_owner using (true) with check (true);
create policy hexabase_worker on invitations to hexabase_worker using (true) with check (true);
grant insert, select, update on invitations to hexabase_api;
grant select on invitations to hexabase_identity;
grant delete, select on invitations to hexabase_worker;

create table hexabase.letter_codes (
  id text not null,
  kind text not null,
  email text not null,
  user_id text,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null
);
alter table letter_codes add constraint letter_codes_pkey PRIMARY KEY (id);
alter table letter_codes add constraint letter_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table letter_codes add constraint letter_codes_kind_check CHECK ((kind = ANY (ARRAY['reset'::text, 'sign_up'::text])));
CREATE INDEX letter_codes_email ON hexabase.letter_codes USING btree (email);
CREATE INDEX letter_codes_expiry ON hexabase.letter_codes USING btree (expires_at);
alter table letter_codes enable row level security, force row level security;
create policy hexabase_identity on letter_codes to hexabase_identity using (true) with check (true);
create policy hexabase_owner on letter_codes to hexabase_owner using (true) with check (true);
grant delete, insert, select, update on letter_codes to hexabase_identity;

create table hexabase.letter_counts (
  key text not null,
  letters integer not null,
  until timestamp with time zone not null
);
alter table letter_counts add constraint letter_counts_pkey PRIMARY KEY (key);
CREATE INDEX letter_counts_until_idx ON hexabase.letter_counts USING btree (until);
alter table letter_counts enable row level security, force row level security;
create policy hexabase_owner on letter_counts to hexabase_owner using (true) with check (true);

create table hexabase.login_attempts (
  key text not null,
  failures integer not null,
  last_at timestamp with time zone not null,
  blocked_until timestamp with time zone
);
alter table login_attempts add constraint login_attempts_pkey PRIMARY KEY (key);
CREATE INDEX login_attempts_age ON hexabase.login_attempts USING btree (last_at);
alter table login_attempts enable row level security, force row level security;
create policy hexabase_identity on login_attempts to hexabase_identity using (true) with check (true);
create policy hexabase_owner on login_attempts to hexabase_owner using (true) with check (true);
grant delete, insert, select, update on login_attempts to hexabase_identity;

create table hexabase.mails (
  id text not null,
  organization_id text,
  kind text not null,
  recipient text not null,
  subject text not null,
  text_sealed text,
  created_at timestamp with time zone not null,
  sent_at timestamp with time zone,
  attempts integer not null default 0,
  next_attempt_at timestamp with time zone,
  last_error text
);
alter table mails add constraint mails_pkey PRIMARY KEY (id);
CREATE INDEX mails_created_at_idx ON hexabase.mails USING btree (created_at DESC);
CREATE INDEX mails_due ON hexabase.mails USING btree (next_attempt_at) WHERE (next_attempt_at IS NOT NULL);
alter table mails enable row level security, force row level security;
create policy hexabase_api on mails to hexabase_api using (false) with check (((organization_id IS NULL) OR (organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[]))));
create policy hexabase_identity on mails to hexabase_identity using (true) with check (true);
create policy hexabase_owner on mails to hexabase_owner using (true) with check (true);
create policy hexabase_worker on mails to hexabase_worker using (true) with check (true);
grant insert on mails to hexabase_api;
grant insert on mails to hexabase_identity;
grant delete, select, update on mails to hexabase_worker;

create table hexabase.memberships (
  organization_id text not null,
  user_id text not null,
  role text not null,
  created_at timestamp with time zone not null default now(),
  accepted boolean not null default false
);
alter table memberships add constraint memberships_pkey PRIMARY KEY (organization_id, user_id);
alter table memberships add constraint memberships_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE CASCADE;
alter table memberships add constraint memberships_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'developer'::text, 'viewer'::text, 'billing'::text])));
CREATE INDEX memberships_user_id_created_at_idx ON hexabase.memberships USING btree (user_id, created_at);
alter table memberships enable row level security, force row level security;
create policy hexabase_api on memberships to hexabase_api using (((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])) OR (user_id = ( SELECT scope_user() AS scope_user)))) with check ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])));
create policy hexabase_identity on memberships to hexabase_identity using (true) with check (true);
create policy hexabase_owner on memberships to hexabase_owner using (true) with check (true);
create policy hexabase_worker on memberships to hexabase_worker using (true) with check (true);
grant delete, insert, select, update on memberships to hexabase_api;
grant insert, select on memberships to hexabase_identity;
grant select on memberships to hexabase_worker;

create table hexabase.operation_events (
  operation_id text not null,
  organization_id text not null,
  step text not null,
  attempt integer not null,
  kind text not null,
  fence bigint not null,
  message text not null default ''::text,
  at timestamp with time zone not null default clock_timestamp()
);
alter table operation_events add constraint operation_events_pkey PRIMARY KEY (operation_id, step, attempt, kind);
alter table operation_events add constraint operation_events_operation_id_fkey FOREIGN KEY (operation_id) REFERENCES operations(id) ON DELETE CASCADE;
alter table operation_events add constraint operation_events_kind_check CHECK ((kind = ANY (ARRAY['intent'::text, 'done'::text, 'failed'::text])));
alter table operation_events enable row level security, force row level security;
create policy hexabase_api on operation_events to hexabase_api using ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[]))) with check ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])));
create policy hexabase_owner on operation_events to hexabase_owner using (true) with check (true);
create policy hexabase_worker on operation_events to hexabase_worker using (true) with check (true);
grant select on operation_events to hexabase_api;
grant delete, insert, select on operation_events to hexabase_worker;

create table hexabase.operations (
  id text not null,
  organization_id text not null,
  kind text not null,
  subject text not null,
  generation bigint not null default 1,
  state text not null default 'running'::text,
  step integer not null default 0,
  steps integer not null default 0,
  message text not null default ''::text,
  report jsonb,
  created_by text,
  created_at timestamp with time zone not null default now(),
  finished_at timestamp with time zone
);
alter table operations add constraint operations_pkey PRIMARY KEY (id);
alter table operations add constraint operations_state_check CHECK ((state = ANY (ARRAY['running'::text, 'succeeded'::text, 'failed'::text, 'stuck'::text])));
CREATE INDEX operations_organization_id_created_at_idx ON hexabase.operations USING btree (organization_id, created_at DESC);
CREATE INDEX operations_subject_created_at_idx ON hexabase.operations USING btree (subject, created_at DESC);
alter table operations enable row level security, force row level security;
create policy hexabase_api on operations to hexabase_api using ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[]))) with check ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])));
create policy hexabase_owner on operations to hexabase_owner using (true) with check (true);
create policy hexabase_worker on operations to hexabase_worker using (true) with check (true);
grant insert, select on operations to hexabase_api;
grant delete, insert, select, update on operations to hexabase_worker;

create table hexabase.organization_epochs (
  organization_id text not null,
  user_id text not null,
  epoch bigint not null default 0
);
alter table organization_epochs add constraint organization_epochs_pkey PRIMARY KEY (organization_id, user_id);
alter table organization_epochs add constraint organization_epochs_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE CASCADE;
alter table organization_epochs add constraint organization_epochs_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
CREATE INDEX organization_epochs_user_id_idx ON hexabase.organization_epochs USING btree (user_id);
alter table organization_epochs enable row level security, force row level security;
create policy hexabase_api on organization_epochs to hexabase_api using ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[]))) with check ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])));
create policy hexabase_owner on organization_epochs to hexabase_owner using (true) with check (true);
grant select on organization_epochs to hexabase_api;

create table hexabase.organizations (
  id text not null,
  slug text not null,
  name text not null,
  plan text not null,
  billing_email text,
  generation integer not null default 1,
  created_by text,
  created_at timestamp with time zone not null default now(),
  deletion_requested_at timestamp with time zone,
  delete_after timestamp with time zone,
  require_second_factor boolean not null default false,
  audit_kept_days integer,
  audit_kept_until timestamp with time zone
);
alter table organizations add constraint organizations_pkey PRIMARY KEY (id);
alter table organizations add constraint organizations_plan_fkey FOREIGN KEY (plan) REFERENCES plans(name);
CREATE INDEX organizations_created_by_idx ON hexabase.organizations USING btree (created_by);
CREATE INDEX organizations_leaving ON hexabase.organizations USING btree (delete_after) WHERE (delete_after IS NOT NULL);
CREATE INDEX organizations_plan_idx ON hexabase.organizations USING btree (plan);
CREATE UNIQUE INDEX organizations_slug ON hexabase.organizations USING btree (slug);
alter table organizations enable row level security, force row level security;
create policy hexabase_api on organizations to hexabase_api using ((id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[]))) with check ((id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])));
create policy hexabase_identity on organizations to hexabase_identity using (true) with check (true);
create policy hexabase_owner on organizations to hexabase_owner using (true) with check (true);
create policy hexabase_worker on organizations to hexabase_worker using (true) with check (true);
grant delete, insert, select, update on organizations to hexabase_api;
grant insert, select on organizations to hexabase_identity;
grant delete, select, update (delete_after) on organizations to hexabase_worker;

create table hexabase.outbox (
  id text not null,
  xid xid8 not null default pg_current_xact_id(),
  organization_id text,
  subject text not null,
  payload jsonb not null,
  created_at timestamp with time zone not null default now(),
  published_at timestamp with time zone
);
alter table outbox add constraint outbox_pkey PRIMARY KEY (id);
CREATE INDEX outbox_published ON hexabase.outbox USING btree (published_at) WHERE (published_at IS NOT NULL);
CREATE INDEX outbox_waiting ON hexabase.outbox USING btree (id) WHERE (published_at IS NULL);
alter table outbox enable row level security, force row level security;
create policy hexabase_api on outbox to hexabase_api using (false) with check (((organization_id IS NULL) OR (organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[]))));
create policy hexabase_identity on outbox to hexabase_identity using (true) with check (true);
create policy hexabase_owner on outbox to hexabase_owner using (true) with check (true);
create policy hexabase_worker on outbox to hexabase_worker using (true) with check (true);
grant insert on outbox to hexabase_api;
grant insert on outbox to hexabase_identity;
grant delete, insert, select, update on outbox to hexabase_worker;

create table hexabase.plans (
  name text not null,
  display_name text not null,
  max_workspaces integer,
  cpu_milli integer not null,
  memory_mib integer not null,
  storage_gib integer not null,
  isolations text[] not null,
  support text not null,
  rank integer not null,
  audit_days integer not null default 90
);
alter table plans add constraint plans_pkey PRIMARY KEY (name);
alter table plans add constraint plans_audit_days_check CHECK (((audit_days >= 1) AND (audit_days <= 3650)));
alter table plans enable row level security, force row level security;
create policy hexabase_api on plans to hexabase_api using (true) with check (true);
create policy hexabase_identity on plans to hexabase_identity using (true) with check (true);
create policy hexabase_owner on plans to hexabase_owner using (true) with check (true);
create policy hexabase_worker on plans to hexabase_worker using (true) with check (true);
grant select on plans to hexabase_api;
grant select on plans to hexabase_identity;
grant select on plans to hexabase_worker;

create table hexabase.pool_members (
  id text not null,
  host_cluster_id text,
  region text not null,
  isolation text not null,
  plan text not null,
  running_version text,
  observed_generation integer not null default 0,
  conditions jsonb not null default '[]'::jsonb,
  fence bigint not null default 0,
  ready_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  deletion_requested_at timestamp with time zone,
  release text,
  unready_since timestamp with time zone
);
alter table pool_members add constraint pool_members_pkey PRIMARY KEY (id);
alter table pool_members add constraint pool_members_host_cluster_id_fkey FOREIGN KEY (host_cluster_id) REFERENCES host_clusters(id) ON DELETE SET NULL;
alter table pool_members add constraint pool_members_plan_fkey FOREIGN KEY (plan) REFERENCES plans(name);
alter table pool_members add constraint pool_members_isolation_check CHECK ((isolation = ANY (ARRAY['shared'::text, 'dedicated'::text])));
CREATE INDEX pool_members_host_cluster_id_idx ON hexabase.pool_members USING btree (host_cluster_id);
CREATE INDEX pool_members_plan_idx ON hexabase.pool_members USING btree (plan);
alter table pool_members enable row level security, force row level security;
create policy hexabase_owner on pool_members to hexabase_owner using (true) with check (true);
create policy hexabase_worker on pool_members to hexabase_worker using (true) with check (true);
grant delete, insert, select, update on pool_members to hexabase_worker;

create table hexabase.projects (
  id text not null,
  workspace_id text not null,
  organization_id text not null,
  name text not null,
  generation integer not null default 1,
  observed_generation integer not null default 0,
  conditions jsonb not null default '[]'::jsonb,
  progress jsonb,
  phase text not null default 'provisioning'::text,
  operation_id text,
  created_by text,
  created_at timestamp with time zone not null default now(),
  deletion_requested_at timestamp with time zone,
  deleted_at timestamp with time zone
);
alter table projects add constraint projects_pkey PRIMARY KEY (id);
alter table projects add constraint projects_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE;
alter table projects add constraint projects_phase_check CHECK ((phase = ANY (ARRAY['provisioning'::text, 'active'::text, 'deleting'::text, 'failed'::text])));
CREATE UNIQUE INDEX projects_name ON hexabase.projects USING btree (workspace_id, name) WHERE (deleted_at IS NULL);
CREATE INDEX projects_organization_id_idx ON hexabase.projects USING btree (organization_id);
alter table projects enable row level security, force row level security;
create policy hexabase_api on projects to hexabase_api using ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[]))) with check ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])));
create policy hexabase_owner on projects to hexabase_owner using (true) with check (true);
create policy hexabase_worker on projects to hexabase_worker using (true) with check (true);
grant delete, insert, select, update on projects to hexabase_api;
grant delete, insert, select, update on projects to hexabase_worker;

create table hexabase.reconcile_queue (
  kind text not null,
  key text not null,
  due_at timestamp with time zone not null default now(),
  wishes bigint not null default 1,
  lease_owner text,
  lease_expires_at timestamp with time zone,
  fence bigint not null default 0,
  attempts integer not null default 0,
  stalled_since timestamp with time zone,
  last_error text,
  updated_at timestamp with time zone not null default now()
);
alter table reconcile_queue add constraint reconcile_queue_pkey PRIMARY KEY (kind, key);
CREATE INDEX reconcile_queue_due_at_idx ON hexabase.reconcile_queue USING btree (due_at);
alter table reconcile_queue enable row level security, force row level security;
create policy hexabase_owner on reconcile_queue to hexabase_owner using (true) with check (true);
create policy hexabase_worker on reconcile_queue to hexabase_worker using (true) with check (true);
grant delete, insert, select, update on reconcile_queue to hexabase_worker;

create table hexabase.recovery_codes (
  user_id text not null,
  code_hash text not null,
  used_at timestamp with time zone
);
alter table recovery_codes add constraint recovery_codes_pkey PRIMARY KEY (user_id, code_hash);
alter table recovery_codes add constraint recovery_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table recovery_codes enable row level security, force row level security;
create policy hexabase_identity on recovery_codes to hexabase_identity using (true) with check (true);
create policy hexabase_owner on recovery_codes to hexabase_owner using (true) with check (true);
grant delete, insert, select, update on recovery_codes to hexabase_identity;

create table hexabase.refresh_tokens (
  id text not null,
  session_id text not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  used_at timestamp with time zone
);
alter table refresh_tokens add constraint refresh_tokens_pkey PRIMARY KEY (id);
alter table refresh_tokens add constraint refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE;
CREATE INDEX refresh_tokens_session ON hexabase.refresh_tokens USING btree (session_id);
alter table refresh_tokens enable row level security, force row level security;
create policy hexabase_identity on refresh_tokens to hexabase_identity using (true) with check (true);
create policy hexabase_owner on refresh_tokens to hexabase_owner using (true) with check (true);
grant delete, insert, select, update on refresh_tokens to hexabase_identity;

create table hexabase.release_offers (
  host_cluster_id text,
  release text not null,
  first_offered_at timestamp with time zone not null default clock_timestamp(),
  last_offered_at timestamp with time zone not null default clock_timestamp()
);
alter table release_offers add constraint release_offers_host_cluster_id_release_key UNIQUE NULLS NOT DISTINCT (host_cluster_id, release);
alter table release_offers add constraint release_offers_host_cluster_id_fkey FOREIGN KEY (host_cluster_id) REFERENCES host_clusters(id) ON DELETE CASCADE;
alter table release_offers enable row level security, force row level security;
create policy hexabase_owner on release_offers to hexabase_owner using (true) with check (true);
create policy hexabase_worker on release_offers to hexabase_worker using (true) with check (true);
grant delete, insert, select, update on release_offers to hexabase_worker;

create table hexabase.request_buckets (
  key text not null,
  tokens double precision not null,
  at timestamp with time zone not null
);
alter table request_buckets add constraint request_buckets_pkey PRIMARY KEY (key);
CREATE INDEX request_buckets_at_idx ON hexabase.request_buckets USING btree (at);
alter table request_buckets enable row level security, force row level security;
create policy hexabase_identity on request_buckets to hexabase_identity using (true) with check (true);
create policy hexabase_owner on request_buckets to hexabase_owner using (true) with check (true);
grant delete, insert, select, update on request_buckets to hexabase_identity;

create table hexabase.role_assignments (
  id text not null,
  organization_id text not null,
  workspace_id text not null,
  project_id text,
  preset text,
  role_id text,
  group_id text,
  user_id text,
  created_by text,
  created_at timestamp with time zone not null default now()
);
alter table role_assignments add constraint role_assignments_pkey PRIMARY KEY (id);
alter table role_assignments add constraint role_assignments_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups(id) ON DELETE CASCADE;
alter table role_assignments add constraint role_assignments_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE CASCADE;
alter table role_assignments add constraint role_assignments_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE;
alter table role_assignments add constraint role_assignments_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles(id) ON DELETE CASCADE;
alter table role_assignments add constraint role_assignments_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE;
alter table role_assignments add constraint role_assignments_check CHECK (((preset IS NULL) <> (role_id IS NULL)));
alter table role_assignments add constraint role_assignments_check1 CHECK (((group_id IS NULL) <> (user_id IS NULL)));
alter table role_assignments add constraint role_assignments_check2 CHECK (((project_id IS NOT NULL) OR (preset IS DISTINCT FROM 'developer'::text)));
alter table role_assignments add constraint role_assignments_preset_check CHECK ((preset = ANY (ARRAY['admin'::text, 'developer'::text, 'viewer'::text])));
CREATE INDEX role_assignments_group_id_idx ON hexabase.role_assignments USING btree (group_id);
CREATE UNIQUE INDEX role_assignments_once ON hexabase.role_assignments USING btree (workspace_id, COALESCE(project_id, ''::text), COALESCE(role_id, preset), COALESCE(group_id, user_id));
CREATE INDEX role_assignments_organization_id_user_id_idx ON hexabase.role_assignments USING btree (organization_id, user_id);
CREATE INDEX role_assignments_project_id_idx ON hexabase.role_assignments USING btree (project_id);
CREATE INDEX role_assignments_role_id_idx ON hexabase.role_assignments USING btree (role_id);
alter table role_assignments enable row level security, force row level security;
create policy hexabase_api on role_assignments to hexabase_api using ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[]))) with check ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])));
create policy hexabase_identity on role_assignments to hexabase_identity using (true) with check (true);
create policy hexabase_owner on role_assignments to hexabase_owner using (true) with check (true);
create policy hexabase_worker on role_assignments to hexabase_worker using (true) with check (true);
grant delete, insert, select, update on role_assignments to hexabase_api;
grant select on role_assignments to hexabase_identity;
grant delete, select on role_assignments to hexabase_worker;

create table hexabase.roles (
  id text not null,
  organization_id text not null,
  workspace_id text not null,
  scope text not null,
  name text not null,
  description text not null default ''::text,
  rules jsonb not null,
  generation integer not null default 1,
  created_by text,
  created_at timestamp with time zone not null default now()
);
alter table roles add constraint roles_workspace_id_name_key UNIQUE (workspace_id, name);
alter table roles add constraint roles_pkey PRIMARY KEY (id);
alter table roles add constraint roles_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE CASCADE;
alter table roles add constraint roles_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE;
alter table roles add constraint roles_scope_check CHECK ((scope = ANY (ARRAY['workspace'::text, 'project'::text])));
CREATE INDEX roles_organization_id_idx ON hexabase.roles USING btree (organization_id);
alter table roles enable row level security, force row level security;
create policy hexabase_api on roles to hexabase_api using ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[]))) with check ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])));
create policy hexabase_owner on roles to hexabase_owner using (true) with check (true);
create policy hexabase_worker on roles to hexabase_worker using (true) with check (true);
grant delete, insert, select, update on roles to hexabase_api;
grant delete, select on roles to hexabase_worker;

create table hexabase.second_factors (
  id text not null,
  user_id text not null,
  kind text not null,
  name text not null,
  created_at timestamp with time zone not null,
  confirmed_at timestamp with time zone,
  last_used_at timestamp with time zone,
  secret_sealed text,
  last_step bigint not null default 0,
  credential_id text,
  public_key text,
  counter bigint not null default 0,
  transports text[] not null default '{}'::text[],
  rp_id text
);
alter table second_factors add constraint second_factors_credential_id_key UNIQUE (credential_id);
alter table second_factors add constraint second_factors_pkey PRIMARY KEY (id);
alter table second_factors add constraint second_factors_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table second_factors add constraint second_factors_check CHECK (((kind = 'totp'::text) = (secret_sealed IS NOT NULL)));
alter table second_factors add constraint second_factors_check1 CHECK (((kind = 'passkey'::text) = ((credential_id IS NOT NULL) AND (public_key IS NOT NULL) AND (rp_id IS NOT NULL))));
alter table second_factors add constraint second_factors_check2 CHECK (((kind = 'totp'::text) OR (confirmed_at IS NOT NULL)));
alter table second_factors add constraint second_factors_kind_check CHECK ((kind = ANY (ARRAY['totp'::text, 'passkey'::text])));
CREATE INDEX second_factors_user ON hexabase.second_factors USING btree (user_id);
alter table second_factors enable row level security, force row level security;
create policy hexabase_identity on second_factors to hexabase_identity using (true) with check (true);
create policy hexabase_owner on second_factors to hexabase_owner using (true) with check (true);
grant delete, insert, select, update on second_factors to hexabase_identity;

create table hexabase.sessions (
  id text not null,
  user_id text not null,
  created_at timestamp with time zone not null,
  last_used_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  end_reason text,
  user_agent text,
  address text,
  device_id text,
  provider_session text,
  provider_settled_at timestamp with time zone,
  second_factor_at timestamp with time zone
);
alter table sessions add constraint sessions_pkey PRIMARY KEY (id);
alter table sessions add constraint sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table sessions add constraint sessions_end_reason_check CHECK ((end_reason = ANY (ARRAY['signed_out'::text, 'revoked'::text, 'replaced'::text, 'refresh_reused'::text, 'user_disabled'::text, 'password_changed'::text])));
CREATE INDEX sessions_live_of_user ON hexabase.sessions USING btree (user_id, id) WHERE (ended_at IS NULL);
CREATE UNIQUE INDEX sessions_provider ON hexabase.sessions USING btree (provider_session) WHERE (provider_session IS NOT NULL);
CREATE INDEX sessions_to_settle ON hexabase.sessions USING btree (ended_at) WHERE ((provider_session IS NOT NULL) AND (provider_settled_at IS NULL) AND (ended_at IS NOT NULL));
alter table sessions enable row level security, force row level security;
create policy hexabase_identity on sessions to hexabase_identity using (true) with check (true);
create policy hexabase_owner on sessions to hexabase_owner using (true) with check (true);
grant delete, insert, select, update on sessions to hexabase_identity;

create table hexabase.sign_in_codes (
  id text not null,
  kind text not null,
  client_id text not null,
  state text not null,
  user_id text,
  session_id text,
  user_code_hash text,
  device_name text,
  address text not null,
  interval_seconds integer,
  polled_at timestamp with time zone,
  redirect_uri text,
  code_challenge text,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  second_factor boolean not null default false,
  address_block text,
  proof bigint not null default 0
);
alter table sign_in_codes add constraint sign_in_codes_pkey PRIMARY KEY (id);
alter table sign_in_codes add constraint sign_in_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table sign_in_codes add constraint sign_in_codes_check CHECK (((state = ANY (ARRAY['pending'::text, 'denied'::text])) OR (user_id IS NOT NULL)));
alter table sign_in_codes add constraint sign_in_codes_check1 CHECK (((kind = 'device'::text) OR ((redirect_uri IS NOT NULL) AND (code_challenge IS NOT NULL))));
alter table sign_in_codes add constraint sign_in_codes_kind_check CHECK ((kind = ANY (ARRAY['device'::text, 'authorization'::text])));
alter table sign_in_codes add constraint sign_in_codes_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'approved'::text, 'denied'::text, 'used'::text])));
CREATE INDEX sign_in_codes_block ON hexabase.sign_in_codes USING btree (address_block) WHERE (state = 'pending'::text);
CREATE INDEX sign_in_codes_expiry ON hexabase.sign_in_codes USING btree (expires_at);
CREATE UNIQUE INDEX sign_in_codes_user_code ON hexabase.sign_in_codes USING btree (user_code_hash) WHERE (user_code_hash IS NOT NULL);
alter table sign_in_codes enable row level security, force row level security;
create policy hexabase_identity on sign_in_codes to hexabase_identity using (true) with check (true);
create policy hexabase_owner on sign_in_codes to hexabase_owner using (true) with check (true);
grant delete, insert, select, update on sign_in_codes to hexabase_identity;

create table hexabase.signing_keys (
  kid text not null,
  public_jwk jsonb not null,
  private_key text not null,
  state text not null,
  created_at timestamp with time zone not null,
  activated_at timestamp with time zone,
  retired_at timestamp with time zone
);
alter table signing_keys add constraint signing_keys_pkey PRIMARY KEY (kid);
alter table signing_keys add constraint signing_keys_state_check CHECK ((state = ANY (ARRAY['next'::text, 'active'::text, 'retired'::text])));
CREATE UNIQUE INDEX signing_keys_one_active ON hexabase.signing_keys USING btree (state) WHERE (state = 'active'::text);
CREATE UNIQUE INDEX signing_keys_one_next ON hexabase.signing_keys USING btree (state) WHERE (state = 'next'::text);
alter table signing_keys enable row level security, force row level security;
create policy hexabase_identity on signing_keys to hexabase_identity using (true) with check (true);
create policy hexabase_owner on signing_keys to hexabase_owner using (true) with check (true);
grant delete, insert, select, update on signing_keys to hexabase_identity;

create table hexabase.upstream_sign_ins (
  id text not null,
  provider_id text not null,
  state text not null,
  browser_hash text not null,
  return_to text not null,
  redirect_uri text not null,
  secrets_sealed text not null,
  user_id text,
  subject text,
  email text,
  expires_at timestamp with time zone not null,
  second_factor boolean not null default false,
  groups jsonb,
  proof bigint not null default 0
);
alter table upstream_sign_ins add constraint upstream_sign_ins_pkey PRIMARY KEY (id);
alter table upstream_sign_ins add constraint upstream_sign_ins_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES identity_providers(id) ON DELETE CASCADE;
alter table upstream_sign_ins add constraint upstream_sign_ins_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table upstream_sign_ins add constraint upstream_sign_ins_check CHECK (((state = 'started'::text) OR ((user_id IS NOT NULL) AND (subject IS NOT NULL) AND (email IS NOT NULL))));
alter table upstream_sign_ins add constraint upstream_sign_ins_state_check CHECK ((state = ANY (ARRAY['started'::text, 'proven'::text, 'confirm'::text, 'taken'::text])));
CREATE INDEX upstream_sign_ins_browser ON hexabase.upstream_sign_ins USING btree (browser_hash);
CREATE INDEX upstream_sign_ins_expiry ON hexabase.upstream_sign_ins USING btree (expires_at);
alter table upstream_sign_ins enable row level security, force row level security;
create policy hexabase_identity on upstream_sign_ins to hexabase_identity using (true) with check (true);
create policy hexabase_owner on upstream_sign_ins to hexabase_owner using (true) with check (true);
grant delete, insert, select, update on upstream_sign_ins to hexabase_identity;

create table hexabase.users (
  id text not null,
  email text not null,
  display_name text not null,
  password_hash text,
  platform_role text,
  epoch bigint not null default 0,
  created_at timestamp with time zone not null default now(),
  disabled_at timestamp with time zone,
  organization_due boolean not null default false,
  kind text not null default 'person'::text,
  organization_id text,
  device_epoch bigint not null default 0,
  proof_epoch bigint not null default 0
);
alter table users add constraint users_pkey PRIMARY KEY (id);
alter table users add constraint users_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE CASCADE;
alter table users add constraint users_email_check CHECK (((email = lower(email)) AND ((length(email) >= 3) AND (length(email) <= 254))));
alter table users add constraint users_kind_check CHECK ((kind = ANY (ARRAY['person'::text, 'service-account'::text])));
alter table users add constraint users_machine CHECK ((((kind = 'person'::text) AND (organization_id IS NULL) AND (email !~~ '%.serviceaccounts.hexabase.local'::text)) OR ((kind = 'service-account'::text) AND (organization_id IS NOT NULL) AND (password_hash IS NULL) AND (platform_role IS NULL))));
alter table users add constraint users_platform_role_check CHECK ((platform_role = 'super_admin'::text));
CREATE UNIQUE INDEX users_email_key ON hexabase.users USING btree (lower(email));
alter table users enable row level security, force row level security;
create policy hexabase_api on users to hexabase_api using (((id = ( SELECT scope_user() AS scope_user)) OR shares_organization(id))) with check (((id = ( SELECT scope_user() AS scope_user)) OR shares_organization(id)));
create policy hexabase_identity on users to hexabase_identity using (true) with check (true);
create policy hexabase_owner on users to hexabase_owner using (true) with check (true);
create policy hexabase_worker on users to hexabase_worker using (true) with check (true);
grant select (disabled_at, display_name, email, epoch, id, kind, organization_id) on users to hexabase_api;
grant delete, insert, select, update on users to hexabase_identity;
grant select (display_name, email, epoch, id) on users to hexabase_worker;

create table hexabase.workspace_copies (
  workspace_id text not null,
  written integer not null default 0,
  revision text not null,
  parts integer not null,
  refusals integer not null default 0
);
alter table workspace_copies add constraint workspace_copies_pkey PRIMARY KEY (workspace_id);
alter table workspace_copies add constraint workspace_copies_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE;
alter table workspace_copies enable row level security, force row level security;
create policy hexabase_owner on workspace_copies to hexabase_owner using (true) with check (true);
create policy hexabase_worker on workspace_copies to hexabase_worker using (true) with check (true);
grant delete, insert, select, update on workspace_copies to hexabase_worker;

create table hexabase.workspace_copy_parts (
  workspace_id text not null,
  part integer not null,
  sealed text not null
);
alter table workspace_copy_parts add constraint workspace_copy_parts_pkey PRIMARY KEY (workspace_id, part);
alter table workspace_copy_parts add constraint workspace_copy_parts_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspace_copies(workspace_id) ON DELETE CASCADE;
alter table workspace_copy_parts enable row level security, force row level security;
create policy hexabase_owner on workspace_copy_parts to hexabase_owner using (true) with check (true);
create policy hexabase_worker on workspace_copy_parts to hexabase_worker using (true) with check (true);
grant delete, insert, select on workspace_copy_parts to hexabase_worker;

create table hexabase.workspace_usage (
  workspace_id text not null,
  organization_id text not null,
  last_used_at timestamp with time zone not null
);
alter table workspace_usage add constraint workspace_usage_pkey PRIMARY KEY (workspace_id);
alter table workspace_usage add constraint workspace_usage_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE;
CREATE INDEX workspace_usage_organization_id_idx ON hexabase.workspace_usage USING btree (organization_id);
alter table workspace_usage enable row level security, force row level security;
create policy hexabase_api on workspace_usage to hexabase_api using ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[]))) with check ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])));
create policy hexabase_owner on workspace_usage to hexabase_owner using (true) with check (true);
create policy hexabase_worker on workspace_usage to hexabase_worker using (true) with check (true);
grant select on workspace_usage to hexabase_api;
grant delete, insert, select, update on workspace_usage to hexabase_worker;

create table hexabase.workspaces (
  id text not null,
  uid text not null,
  organization_id text not null,
  slug text not null,
  name text not null,
  description text not null default ''::text,
  plan text not null,
  region text not null,
  isolation text not null,
  generation integer not null default 1,
  observed_generation integer not null default 0,
  conditions jsonb not null default '[]'::jsonb,
  progress jsonb,
  phase text not null default 'provisioning'::text,
  finalizers text[] not null default '{}'::text[],
  fence bigint not null default 0,
  operation_id text,
  created_by text,
  created_at timestamp with time zone not null default now(),
  deletion_requested_at timestamp with time zone,
  deleted_at timestamp with time zone,
  host_cluster_id text,
  asleep boolean not null default false,
  sleep_reason text,
  sleep_at text,
  wake_at text,
  time_zone text not null default 'UTC'::text,
  idle_minutes integer,
  schedule_due_at timestamp with time zone,
  kubernetes_version text,
  settled_version text,
  running_version text,
  settled_plan text,
  deletion_due_at timestamp with time zone,
  deletion_requested_by text,
  clone jsonb,
  release text,
  settled_release text,
  refused_release text,
  upgraded_release text,
  too_far_for text,
  tenant_uid text,
  content_uid text,
  content_lost_at timestamp with time zone,
  access_conditions jsonb not null default '[]'::jsonb,
  access_fence bigint not null default 0,
  refused_plan text
);
alter table workspaces add constraint workspaces_pkey PRIMARY KEY (id);
alter table workspaces add constraint workspaces_host_cluster_id_fkey FOREIGN KEY (host_cluster_id) REFERENCES host_clusters(id) ON DELETE SET NULL;
alter table workspaces add constraint workspaces_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id);
alter table workspaces add constraint workspaces_plan_fkey FOREIGN KEY (plan) REFERENCES plans(name);
alter table workspaces add constraint workspaces_settled_plan_fkey FOREIGN KEY (settled_plan) REFERENCES plans(name);
alter table workspaces add constraint workspaces_idle_minutes_check CHECK ((idle_minutes > 0));
alter table workspaces add constraint workspaces_isolation_check CHECK ((isolation = ANY (ARRAY['shared'::text, 'dedicated'::text])));
alter table workspaces add constraint workspaces_phase_check CHECK ((phase = ANY (ARRAY['provisioning'::text, 'active'::text, 'updating'::text, 'degraded'::text, 'asleep'::text, 'deleting'::text, 'failed'::text])));
alter table workspaces add constraint workspaces_sleep_reason_check CHECK ((sleep_reason = ANY (ARRAY['asked'::text, 'schedule'::text, 'idle'::text, 'deletion'::text])));
CREATE INDEX workspaces_clocked ON hexabase.workspaces USING btree (id) WHERE ((deleted_at IS NULL) AND ((schedule_due_at IS NOT NULL) OR (idle_minutes IS NOT NULL) OR (deletion_due_at IS NOT NULL)));
CREATE INDEX workspaces_host_cluster_id_idx ON hexabase.workspaces USING btree (host_cluster_id) WHERE (host_cluster_id IS NOT NULL);
CREATE INDEX workspaces_organization_id_created_at_idx ON hexabase.workspaces USING btree (organization_id, created_at DESC) WHERE (deleted_at IS NULL);
CREATE INDEX workspaces_plan_idx ON hexabase.workspaces USING btree (plan);
CREATE INDEX workspaces_refused_release ON hexabase.workspaces USING btree (host_cluster_id) WHERE (refused_release IS NOT NULL);
CREATE UNIQUE INDEX workspaces_slug ON hexabase.workspaces USING btree (slug) WHERE (deleted_at IS NULL);
alter table workspaces enable row level security, force row level security;
create policy hexabase_api on workspaces to hexabase_api using ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[]))) with check ((organization_id = ANY (( SELECT scope_organizations() AS scope_organizations)::text[])));
create policy hexabase_owner on workspaces to hexabase_owner using (true) with check (true);
create policy hexabase_worker on workspaces to hexabase_worker using (true) with check (true);
grant delete, insert, select, update on workspaces to hexabase_api;
grant delete, insert, select, update on workspaces to hexabase_worker;

create table kube.clusters (
  id text not null,
  uid text not null,
  config jsonb not null,
  rev bigint not null default 1,
  compact_rev bigint not null default 1,
  epoch bigint not null default 0,
  wake_at timestamp with time zone
);
alter table kube.clusters add constraint clusters_pkey PRIMARY KEY (id);
CREATE INDEX clusters_wake_at ON kube.clusters USING btree (wake_at) WHERE (wake_at IS NOT NULL);
grant delete, insert, select, truncate, update on kube.clusters to hexabase_kube;

create table kube.fences (
  cluster_id text not null,
  fence bigint not null
);
alter table kube.fences add constraint fences_pkey PRIMARY KEY (cluster_id);
grant delete, insert, select, truncate, update on kube.fences to hexabase_kube;

create table kube.log (
  cluster_id text not null,
  rev bigint not null,
  resource text not null,
  namespace text not null,
  name text not null,
  type text not null,
  previous text,
  written_at timestamp with time zone not null
);
alter table kube.log add constraint log_pkey PRIMARY KEY (cluster_id, rev);
alter table kube.log add constraint log_type_check CHECK ((type = ANY (ARRAY['ADDED'::text, 'MODIFIED'::text, 'DELETED'::text])));
grant delete, insert, select, truncate, update on kube.log to hexabase_kube;

create table kube.objects (
  cluster_id text not null,
  resource text not null,
  namespace text not null,
  name text not null,
  rev bigint not null,
  value text
);
alter table kube.objects add constraint objects_pkey PRIMARY KEY (cluster_id, resource, namespace, name);
grant delete, insert, select, truncate, update on kube.objects to hexabase_kube;

create table oidc.clients (
  id text not null,
  secret_hash text,
  redirect_uris text[] not null,
  post_logout_redirect_uris text[] not null,
  backchannel_logout_uri text,
  created_at timestamp with time zone not null
);
alter table oidc.clients add constraint clients_pkey PRIMARY KEY (id);
alter table oidc.clients add constraint clients_id_check CHECK ((id ~ '^[a-z0-9][a-z0-9-]{0,62}$'::text));
alter table oidc.clients enable row level security, force row level security;
create policy identity_all on oidc.clients to hexabase_identity using (true) with check (true);
grant delete, insert, select, update on oidc.clients to hexabase_identity;

create table oidc.logout_notices (
  id text not null,
  client_id text not null,
  user_id text not null,
  sid text not null,
  attempts integer not null default 0,
  next_at timestamp with time zone not null
);
alter table oidc.logout_notices add constraint logout_notices_pkey PRIMARY KEY (id);
alter table oidc.logout_notices add constraint logout_notices_client_id_fkey FOREIGN KEY (client_id) REFERENCES oidc.clients(id) ON DELETE CASCADE;
CREATE INDEX logout_notices_next ON oidc.logout_notices USING btree (next_at);
alter table oidc.logout_notices enable row level security, force row level security;
create policy identity_all on oidc.logout_notices to hexabase_identity using (true) with check (true);
grant delete, insert, select, update on oidc.logout_notices to hexabase_identity;

create table oidc.payloads (
  model text not null,
  id text not null,
  payload text not null,
  grant_id text,
  user_code text,
  uid text,
  consumed_at timestamp with time zone,
  expires_at timestamp with time zone,
  session text,
  next_poll_at timestamp with time zone,
  poll_seconds integer
);
alter table oidc.payloads add constraint payloads_pkey PRIMARY KEY (model, id);
CREATE INDEX payloads_expiry ON oidc.payloads USING btree (expires_at);
CREATE INDEX payloads_grant ON oidc.payloads USING btree (grant_id) WHERE (grant_id IS NOT NULL);
CREATE INDEX payloads_session ON oidc.payloads USING btree (session) WHERE (session IS NOT NULL);
CREATE UNIQUE INDEX payloads_uid ON oidc.payloads USING btree (model, uid) WHERE (uid IS NOT NULL);
CREATE UNIQUE INDEX payloads_user_code ON oidc.payloads USING btree (user_code) WHERE (user_code IS NOT NULL);
alter table oidc.payloads enable row level security, force row level security;
create policy identity_all on oidc.payloads to hexabase_identity using (true) with check (true);
grant delete, insert, select, update on oidc.payloads to hexabase_identity;

CREATE OR REPLACE FUNCTION hexabase.answer_invitation(asked text, asked_hash text, person text, accepts boolean, at timestamp with time zone)
 RETURNS TABLE(id text, organization_id text, role text, group_ids text[], invited_by text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
     #variable_conflict use_column
     declare leaving boolean;
     begin
       select o.deletion_requested_at is not null into leaving from organizations o
         where o.id = (select i.organization_id from invitations i where i.id = asked or i.token_hash = asked_hash limit 1)
         for key share;
       if accepts and leaving then return; end if;
       return query 
       update invitations i set
         accepted_at = case when accepts then at end,
         accepted_by = case when accepts then person end,
         declined_at = case when accepts then null else at end
       from users u
       where (i.id = asked or i.token_hash = asked_hash)
         and u.id = person and u.email = i.email and u.disabled_at is null
         and i.accepted_at is null and i.declined_at is null and i.revoked_at is null and i.expires_at > at
       returning i.id, i.organization_id, i.role, i.group_ids, i.invited_by;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.audit_cutoff(of_chain text)
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
       select now() - make_interval(days => coalesce(
         (select greatest(p.audit_days, case when o.audit_kept_until > now() then o.audit_kept_days end)
          from organizations o join plans p on p.name = o.plan where o.id = of_chain), 365))
     $function$;

CREATE OR REPLACE FUNCTION hexabase.book_requests(keys text[], owed double precision[], wanted double precision[], bursts double precision[], rates double precision[])
 RETURNS TABLE(key text, granted double precision, remaining double precision)
 LANGUAGE plpgsql
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
     #variable_conflict use_column
     declare
       booking record;
       there float8;
       given float8;
     begin
       for booking in
         select * from unnest(keys, owed, wanted, bursts, rates) as b (key, owed, wanted, burst, rate) order by b.key
       loop
         insert into request_buckets (key, tokens, at) values (booking.key, booking.burst, clock_timestamp())
           on conflict do nothing;
         select least(booking.burst, r.tokens
             + greatest(0, extract(epoch from clock_timestamp() - r.at)) * booking.rate) - booking.owed
           into there from request_buckets r where r.key = booking.key for update;
         there := coalesce(there, booking.burst - booking.owed);
         given := greatest(0, least(booking.wanted, floor(there)));
         there := greatest(there - given, -booking.burst);
         update request_buckets r set tokens = there, at = clock_timestamp() where r.key = booking.key;
         return query select booking.key, given, there;
       end loop;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.check_access_grant()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
     begin
       if new.user_id is not null and not exists (select from users u where u.id = new.user_id and u.platform_role = 'super_admin'
           and u.disabled_at is null) then
         raise exception 'only operators of the platform get access by a grant' using errcode = 'check_violation';
       end if;
       if new.kind = 'granted' and not exists (select from memberships m
           where m.organization_id = new.organization_id and m.user_id = new.granted_by and m.role = 'owner') then
         raise exception 'only an owner grants access' using errcode = 'check_violation';
       end if;
       return new;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.check_group_tree()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
     begin
       if new.parent_id is null then return new; end if;
       if not exists (select from groups g where g.id = new.parent_id and g.organization_id = new.organization_id) then
         raise exception 'the parent group is not of this organization' using errcode = 'check_violation';
       end if;
       if tg_op = 'INSERT' then return new; end if;
       perform pg_advisory_xact_lock(hashtextextended('hexabase.groups ' || new.organization_id, 0));
       if exists (
         with recursive above as (
           select g.id, g.parent_id from groups g where g.id = new.parent_id
           union
           select g.id, g.parent_id from groups g join above on g.id = above.parent_id
         )
         select from above where above.id = new.id
       ) then
         raise exception 'a group cannot be below itself' using errcode = 'check_violation';
       end if;
       return new;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.check_machine_membership()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
     begin
       if exists (
         select from users u where u.id = new.user_id and u.kind = 'service-account'
           and (u.organization_id <> new.organization_id or new.role = 'owner')
       ) then
         raise exception 'a service account is in its own organization only, and never its owner'
           using errcode = 'check_violation';
       end if;
       return new;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.check_session_owner()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
     begin
       if exists (select from users u where u.id = new.user_id and u.kind = 'service-account') then
         raise exception 'a service account does not sign in' using errcode = 'check_violation';
       end if;
       return new;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.claim_pool_member(host_in text, isolation_in text, organization_in text)
 RETURNS TABLE(member_id text, member_version text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
     declare taken hexabase.pool_members;
     begin
       select * into taken from hexabase.pool_members m
         where m.host_cluster_id is not distinct from host_in and m.isolation = isolation_in
           and m.ready_at is not null and m.deletion_requested_at is null
         order by m.ready_at limit 1 for update skip locked;
       if not found then return; end if;
       delete from hexabase.pool_members m where m.id = taken.id;
       update hexabase.inventory i set subject = 'workspace/' || taken.id, organization_id = organization_in
         where i.subject = 'pool-member/' || taken.id;
       insert into hexabase.reconcile_queue as q (kind, key, fence)
         select 'workspace', taken.id, coalesce(max(p.fence), 0) from hexabase.reconcile_queue p
         where p.kind = 'pool-member' and p.key = taken.id
         on conflict (kind, key) do update set fence = greatest(q.fence, excluded.fence);
       perform hexabase.enqueue('pool', 'refill');
       member_id := taken.id;
       member_version := taken.running_version;
       return next;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.claim_pool_member(host_in text, isolation_in text, organization_in text, plan_in text)
 RETURNS TABLE(member_id text, member_version text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
     declare taken hexabase.pool_members;
     begin
       select m.* into taken from hexabase.pool_members m join hexabase.plans p on p.name = m.plan
         where m.host_cluster_id is not distinct from host_in and m.isolation = isolation_in
           and m.ready_at is not null and m.deletion_requested_at is null
         order by abs(p.cpu_milli - (select w.cpu_milli from hexabase.plans w where w.name = plan_in)), m.ready_at
         limit 1 for update of m skip locked;
       if not found then return; end if;
       delete from hexabase.pool_members m where m.id = taken.id;
       update hexabase.inventory i set subject = 'workspace/' || taken.id, organization_id = organization_in
         where i.subject = 'pool-member/' || taken.id;
       insert into hexabase.reconcile_queue as q (kind, key, fence)
         select 'workspace', taken.id, coalesce(max(p.fence), 0) from hexabase.reconcile_queue p
         where p.kind = 'pool-member' and p.key = taken.id
         on conflict (kind, key) do update set fence = greatest(q.fence, excluded.fence);
       perform hexabase.enqueue('pool', 'refill');
       member_id := taken.id;
       member_version := taken.running_version;
       return next;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.count_letter(keys text[], most integer[], at timestamp with time zone, lasts interval)
 RETURNS TABLE(key text, waits double precision)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
     #variable_conflict use_column
     begin
       delete from letter_counts where key in (
         select c.key from letter_counts c where c.until <= at order by c.until limit 20 for update skip locked);
       return query with counted as (
         insert into letter_counts as c (key, letters, until)
           select k, 1, at + lasts from unnest(keys) k order by k
           on conflict (key) do update set
             letters = case when c.until <= at then 1 else c.letters + 1 end,
             until = case when c.until <= at then at + lasts else c.until end
           returning c.key, c.letters, c.until
         )
         select counted.key, extract(epoch from counted.until - at)::float8
         from counted join unnest(keys, most) as bound(key, most) on bound.key = counted.key
         where counted.letters > bound.most;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.create_service_account(new_id text, organization text, address text, title text, given_role text, at timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
     begin
       if organization <> all (hexabase.scope_organizations()) then
         raise exception 'the organization is not of this request' using errcode = 'insufficient_privilege';
       end if;
       insert into users (id, email, display_name, kind, organization_id, created_at)
         values (new_id, address, title, 'service-account', organization, at) on conflict do nothing;
       if not found then return false; end if;
       insert into memberships (organization_id, user_id, role, created_at)
         values (organization, new_id, given_role, at);
       return true;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.delete_service_account(old_id text)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
       delete from users where id = old_id and kind = 'service-account'
         and organization_id = any (hexabase.scope_organizations())
     $function$;

CREATE OR REPLACE FUNCTION hexabase.enqueue(kind_in text, key_in text)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
BEGIN ATOMIC
 INSERT INTO reconcile_queue (kind, key)
   VALUES (enqueue.kind_in, enqueue.key_in) ON CONFLICT(kind, key) DO UPDATE SET wishes = (reconcile_queue.wishes + 1), due_at = LEAST(reconcile_queue.due_at, now()), updated_at = now();
 SELECT pg_notify('hexabase_wake'::text, ((kind_in || '/'::text) || key_in)) AS pg_notify;
END;

CREATE OR REPLACE FUNCTION hexabase.epoch_in(person text, workspace text)
 RETURNS double precision
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
       select u.epoch::float8 + coalesce((select e.epoch from organization_epochs e
         join workspaces w on w.organization_id = e.organization_id
         where e.user_id = u.id and w.id = workspace), 0)
       from users u where u.id = person
     $function$;

CREATE OR REPLACE FUNCTION hexabase.find_account(address text, known_in text[])
 RETURNS text
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
       select u.id from users u where u.email = address and u.kind = 'person' and u.disabled_at is null
         and (known_in is null or exists (select from memberships m
           where m.user_id = u.id and m.organization_id = any (known_in)))
     $function$;

CREATE OR REPLACE FUNCTION hexabase.has_shown_factor(session text, person text)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
       select exists (select from sessions s
         where s.id = session and s.user_id = person and s.second_factor_at is not null)
     $function$;

CREATE OR REPLACE FUNCTION hexabase.hold_account(person text, session text, by_token boolean)
 RETURNS TABLE(ended boolean, platform_role text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
     declare disabled boolean;
     begin
       select u.disabled_at is not null, u.platform_role into disabled, platform_role
         from users u where u.id = person for share;
       select s.ended or disabled into ended from hexabase.hold_session(session, by_token) s;
       return next;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.hold_authority(organization text, person text, session text, by_token boolean, at timestamp with time zone)
 RETURNS TABLE(leaving boolean, role text, grant_id text, grant_ends timestamp with time zone, asks boolean, ended boolean)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
     declare rule boolean; shown boolean;
     begin
       select o.deletion_requested_at is not null, o.require_second_factor into leaving, rule
         from organizations o where o.id = organization for key share;
       select m.role into role from memberships m
         where m.organization_id = organization and m.user_id = person for share;
       if role is null and not by_token then
         select case g.level when 'admin' then 'admin' else 'viewer' end, g.id, g.expires_at into role, grant_id, grant_ends
           from access_grants g join users u on u.id = g.user_id and u.platform_role is not null
           where g.organization_id = organization and g.user_id = person and g.revoked_at is null and g.expires_at > at
           order by g.level, g.expires_at desc limit 1 for share of g;
       end if;
       select s.ended, s.shown into ended, shown from hexabase.hold_session(session, by_token) s;
       asks := coalesce(rule and not shown, false);
       return next;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.hold_groups(organization text, person text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
     begin
       perform 1 from group_members m where m.organization_id = organization and m.user_id = person
         order by m.group_id for share;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.hold_inviter(organization text, person text)
 RETURNS text
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
       select m.role from memberships m join users u on u.id = m.user_id and u.disabled_at is null
       where m.organization_id = organization and m.user_id = person for share of m
     $function$;

CREATE OR REPLACE FUNCTION hexabase.hold_session(session text, by_token boolean)
 RETURNS TABLE(ended boolean, shown boolean)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
     declare owner text;
     begin
       if by_token then
         select t.revoked_at is not null, true, t.user_id into ended, shown, owner from api_tokens t where t.id = session for share;
       else
         select s.ended_at is not null, s.second_factor_at is not null, s.user_id into ended, shown, owner
           from sessions s where s.id = session for share;
       end if;
       select ended or u.disabled_at is not null into ended from users u where u.id = owner;
       ended := coalesce(ended, by_token);
       shown := coalesce(shown, true);
       return next;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.host_pool_members(host text)
 RETURNS integer
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
     begin
       return (select count(*)::integer from hexabase.pool_members m where m.host_cluster_id = host);
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.host_room()
 RETURNS TABLE(id text, name text, region text, state text, dedicated_nodes boolean, ready text, created_at timestamp with time zone, max_workspaces integer, max_cpu_milli integer, max_memory_mib integer, observed jsonb, workspaces integer, cpu_milli double precision, memory_mib double precision)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
BEGIN ATOMIC
 SELECT h.id,
     h.name,
     h.region,
     h.state,
     h.dedicated_nodes,
     COALESCE(( SELECT (c.value ->> 'status'::text)
            FROM jsonb_array_elements(h.conditions) c(value)
           WHERE ((c.value ->> 'type'::text) = 'Ready'::text)), 'Unknown'::text) AS "coalesce",
     h.created_at,
     h.max_workspaces,
     h.max_cpu_milli,
     h.max_memory_mib,
     h.observed,
     (count(w.id))::integer AS count,
     (COALESCE(sum(p.cpu_milli), (0)::bigint))::double precision AS "coalesce",
     (COALESCE(sum(p.memory_mib), (0)::bigint))::double precision AS "coalesce"
    FROM ((host_clusters h
      LEFT JOIN workspaces w ON (((w.host_cluster_id = h.id) AND (w.deleted_at IS NULL))))
      LEFT JOIN plans p ON ((p.name = w.plan)))
   GROUP BY h.id;
END;

CREATE OR REPLACE FUNCTION hexabase.host_workspaces(host text)
 RETURNS TABLE(id text, isolation text, plan text, phase text, cpu_milli integer, memory_mib integer)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
BEGIN ATOMIC
 SELECT w.id,
     w.isolation,
     w.plan,
     w.phase,
     p.cpu_milli,
     p.memory_mib
    FROM (workspaces w
      JOIN plans p ON ((p.name = w.plan)))
   WHERE ((w.host_cluster_id = host_workspaces.host) AND (w.deleted_at IS NULL) AND ((SESSION_USER <> 'hexabase_api'::name) OR scope_is_operator()))
   ORDER BY w.created_at, w.id;
END;

CREATE OR REPLACE FUNCTION hexabase.hosts_seen()
 RETURNS TABLE(id text, seen_at timestamp with time zone, failing boolean)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
BEGIN ATOMIC
 SELECT h.id,
     LEAST(h.failing_since, COALESCE(h.checked_at, h.created_at)) AS "least",
     (h.failing_since IS NOT NULL)
    FROM host_clusters h;
END;

CREATE OR REPLACE FUNCTION hexabase.invitations_of(person text, at timestamp with time zone)
 RETURNS TABLE(id text, organization_name text, invited_by_email text, role text, created_at timestamp with time zone, expires_at timestamp with time zone)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
       select i.id, o.name, coalesce(b.email, ''), i.role, i.created_at, i.expires_at
       from invitations i
         join users u on u.id = person and u.email = i.email and u.disabled_at is null
         join organizations o on o.id = i.organization_id and o.deletion_requested_at is null
         left join users b on b.id = i.invited_by
       where i.accepted_at is null and i.declined_at is null and i.revoked_at is null and i.expires_at > at
       order by i.created_at desc
     $function$;

CREATE OR REPLACE FUNCTION hexabase.keep_audit_for_now()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
     declare days_before integer; days_after integer;
     begin
       select p.audit_days into days_after from plans p where p.name = new.plan;
       select greatest(p.audit_days, case when old.audit_kept_until > now() then old.audit_kept_days end)
         into days_before from plans p where p.name = old.plan;
       new.audit_kept_days := case when days_before > days_after then days_before end;
       new.audit_kept_until := case when days_before > days_after
         then date_trunc('milliseconds', now() + interval '30 days') end;
       return new;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.leaving_among(organizations text[], person text)
 RETURNS text[]
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
       select coalesce(array_agg(o.id), '{}') from organizations o join memberships m on m.organization_id = o.id
       where o.id = any (organizations) and m.user_id = person and o.deletion_requested_at is not null
     $function$;

CREATE OR REPLACE FUNCTION hexabase.note_use(ids text[], at timestamp with time zone)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
BEGIN ATOMIC
 INSERT INTO workspace_usage (workspace_id, organization_id, last_used_at)  SELECT w.id,
             w.organization_id,
             note_use.at AS at
            FROM workspaces w
           WHERE (w.id = ANY (note_use.ids)) ON CONFLICT(workspace_id) DO UPDATE SET last_used_at = GREATEST(workspace_usage.last_used_at, excluded.last_used_at);
END;

CREATE OR REPLACE FUNCTION hexabase.notify_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
     begin
       perform pg_notify('hexabase_changes', tg_argv[0] || ' ' || coalesce(new.organization_id, old.organization_id)
         || ' ' || coalesce(new.id, old.id));
       return null;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.notify_host_cluster()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
     begin
       perform pg_notify('hexabase_host_clusters', coalesce(new.id, old.id));
       return null;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.operator_by_email(address text)
 RETURNS TABLE(id text, email text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
       select u.id, u.email from users u
       where u.email = lower(address) and u.platform_role = 'super_admin' and u.disabled_at is null
     $function$;

CREATE OR REPLACE FUNCTION hexabase.organization_for_operator(name_or_id text)
 RETURNS TABLE(id text, name text, slug text, owners text[])
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
       select o.id, o.name, o.slug, array(select u.email from memberships m join users u on u.id = m.user_id
         where m.organization_id = o.id and m.role = 'owner' order by u.email)
       from organizations o
       where (o.id = name_or_id or o.slug = name_or_id)
         and exists (select from users u where u.id = hexabase.scope_user() and u.platform_role = 'super_admin')
     $function$;

CREATE OR REPLACE FUNCTION hexabase.organizations_made_by(person text)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
     begin
       perform pg_advisory_xact_lock(hashtextextended('hexabase.organizations ' || person, 0));
       return (select count(*)::integer from organizations o where o.created_by = person);
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.prune_audit(of_chain text)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
     declare removed bigint;
     begin
       delete from audit_entries e using audit_checkpoints c
         where e.chain = of_chain and c.chain = of_chain and e.sequence <= c.sequence
           and e.created_at < audit_cutoff(of_chain);
       get diagnostics removed = row_count;
       return removed;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.raise_own_proof_epoch()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
     begin
       new.proof_epoch := old.proof_epoch + 1;
       return new;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.raise_proof_epoch()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
     begin
       update hexabase.users set proof_epoch = proof_epoch + 1 where id = coalesce(new.user_id, old.user_id);
       return null;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.raise_proof_epochs_of_provider()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
     begin
       update hexabase.users set proof_epoch = proof_epoch + 1
         where id in (select e.user_id from hexabase.external_identities e where e.provider_id = new.id);
       return null;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.revoke_in(organization text, revoked text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
     begin
       insert into hexabase.organization_epochs as e (organization_id, user_id, epoch)
         select organization, u.id, 1 from hexabase.users u where u.id = any (revoked) order by u.id
         on conflict (organization_id, user_id) do update set epoch = e.epoch + 1;
       if cardinality(revoked) > 100 then
         perform pg_notify('hexabase_revocation', '');
       else
         perform pg_notify('hexabase_revocation', one) from unnest(revoked) as one;
       end if;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.revoke_user(revoked_user_id text)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
      UPDATE hexabase.users SET epoch = epoch + 1 WHERE id = revoked_user_id;
      SELECT pg_catalog.pg_notify('hexabase_revocation', revoked_user_id);
    $function$;

CREATE OR REPLACE FUNCTION hexabase.revoke_users(revoked text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
     begin
       update hexabase.users set epoch = epoch + 1
         where id in (select u.id from hexabase.users u where u.id = any (revoked) order by u.id for update);
       if cardinality(revoked) > 100 then
         perform pg_notify('hexabase_revocation', '');
       else
         perform pg_notify('hexabase_revocation', one) from unnest(revoked) as one;
       end if;
     end $function$;

CREATE OR REPLACE FUNCTION hexabase.scope_is_operator()
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
RETURN (EXISTS (SELECT 1 FROM users WHERE ((users.id = scope_user()) AND (users.platform_role = 'super_admin'::text) AND (users.disabled_at IS NULL))));

CREATE OR REPLACE FUNCTION hexabase.scope_organizations()
 RETURNS text[]
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN COALESCE(string_to_array(NULLIF(current_setting('hexabase.organization_ids'::text, true), ''::text), ','::text), '{}'::text[]);

CREATE OR REPLACE FUNCTION hexabase.scope_user()
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN NULLIF(current_setting('hexabase.user_id'::text, true), ''::text);

CREATE OR REPLACE FUNCTION hexabase.shares_organization(other_user_id text)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
AS $function$
    BEGIN
      RETURN EXISTS (
        SELECT 1 FROM hexabase.memberships m
        WHERE m.user_id = other_user_id
          AND m.organization_id = ANY (hexabase.scope_organizations())
      );
    END $function$;

CREATE OR REPLACE FUNCTION hexabase.shut_out(organization text, people text[], at timestamp with time zone)
 RETURNS SETOF text
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'hexabase', 'pg_temp'
AS $function$
       select u.id from users u join organizations o on o.id = organization and o.require_second_factor
         where u.id = any (people) and u.kind = 'person'
           and not exists (select from second_factors f where f.user_id = u.id and f.confirmed_at is not null)
           and not exists (select from sessions s where s.user_id = u.id and s.second_factor_at is not null
             and s.ended_at is null and s.expires_at > at)
     $function$;
