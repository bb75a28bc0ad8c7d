const parameters = 'host_in text, isolation_in text, organization_in text, plan_in text';

/**
 * Whoever takes a tenant that was made in advance gets the one whose size is nearest: another size restarts its control
 * plane. The function without a plan stays for servers of the release before, while they are updated one by one.
 */
export const up = [
  `create function hexabase.claim_pool_member(${parameters}) returns table (member_id text, member_version text)
     language plpgsql volatile security definer set search_path = hexabase, pg_temp as $$
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
     end $$`,
  'revoke execute on function hexabase.claim_pool_member(text, text, text, text) from public',
  'grant execute on function hexabase.claim_pool_member(text, text, text, text) to hexabase_api, hexabase_worker',
];

export const down = ['drop function hexabase.claim_pool_member(text, text, text, text)'];
