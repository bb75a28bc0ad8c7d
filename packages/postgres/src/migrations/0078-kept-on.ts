/**
 * Nobody shortens an audit log at once: after a change to a plan that keeps it for fewer days it is kept for 30 days as
 * before, so that a slip, or somebody who wants traces gone, is seen in time. In the database, so that it holds for every
 * way in which a plan is changed. What the plan before kept counts on through several changes.
 */
const auditLogs = [
  'alter table hexabase.organizations add column audit_kept_days integer, add column audit_kept_until timestamptz',
  `create function hexabase.keep_audit_for_now() returns trigger
     language plpgsql set search_path = hexabase, pg_temp as $$
     declare days_before integer; days_after integer;
     begin
       select p.audit_days into days_after from plans p where p.name = new.plan;
       select greatest(p.audit_days, case when old.audit_kept_until > now() then old.audit_kept_days end)
         into days_before from plans p where p.name = old.plan;
       new.audit_kept_days := case when days_before > days_after then days_before end;
       new.audit_kept_until := case when days_before > days_after
         then date_trunc('milliseconds', now() + interval '30 days') end;
       return new;
     end $$`,
  `create trigger keep_audit_for_now before update of plan on hexabase.organizations
     for each row when (old.plan is distinct from new.plan) execute function hexabase.keep_audit_for_now()`,
  `create or replace function hexabase.audit_cutoff(of_chain text) returns timestamptz
     language sql stable security definer set search_path = hexabase, pg_temp as $$
       select now() - make_interval(days => coalesce(
         (select greatest(p.audit_days, case when o.audit_kept_until > now() then o.audit_kept_days end)
          from organizations o join plans p on p.name = o.plan where o.id = of_chain), 365))
     $$`,
];

/**
 * Whoever is in a group is in its organization. A sign-in that brings groups and the removal of its person do not see each
 * other: without this the place in the group would outlive the membership, and be there again with the next one.
 */
const groupMembers = [
  `delete from hexabase.group_members g where not exists (select from hexabase.memberships m
     where m.organization_id = g.organization_id and m.user_id = g.user_id)`,
  `alter table hexabase.group_members add constraint group_members_membership
     foreign key (organization_id, user_id) references hexabase.memberships (organization_id, user_id) on delete cascade`,
];

export const up = [...auditLogs, ...groupMembers];

export const down = [
  'alter table hexabase.group_members drop constraint group_members_membership',
  `create or replace function hexabase.audit_cutoff(of_chain text) returns timestamptz
     language sql stable security definer set search_path = hexabase, pg_temp as $$
       select now() - make_interval(days => coalesce(
         (select p.audit_days from organizations o join plans p on p.name = o.plan where o.id = of_chain), 365))
     $$`,
  'drop trigger keep_audit_for_now on hexabase.organizations',
  'drop function hexabase.keep_audit_for_now()',
  'alter table hexabase.organizations drop column audit_kept_days, drop column audit_kept_until',
];
