/**
 * Whether the person said yes to being a member: by making the organization or by accepting an invitation. Only such
 * organizations see how they sign in, since admins add whom they like. Of those from before, owners did, and who became
 * one at the moment of accepting an invitation.
 */
export const up = [
  'alter table hexabase.memberships add column accepted boolean not null default false',
  `update hexabase.memberships m set accepted = true
   where m.role = 'owner' or exists (select from hexabase.invitations i
     where i.organization_id = m.organization_id and i.accepted_by = m.user_id and i.accepted_at = m.created_at)`,
];

export const down = ['alter table hexabase.memberships drop column accepted'];
