/**
 * Whoever has proven who they are gets a session only while what the proof rests on is as it was: each change of a
 * password, a second factor, a link to an identity provider or of the account's state raises a count, and every proof
 * carries the count that it saw. Triggers raise it, so that no way of changing one of these can forget to.
 */
const raised = (trigger: string, of: { table: string; event: string; when?: string; call: string }) =>
  `create trigger ${trigger} ${of.event} on hexabase.${of.table} for each row
     ${of.when === undefined ? '' : `when (${of.when})`} execute function hexabase.${of.call}()`;

export const up = [
  'alter table hexabase.users add column proof_epoch bigint not null default 0',
  'alter table hexabase.factor_tickets add column proof bigint not null default 0',
  'alter table hexabase.sign_in_codes add column proof bigint not null default 0',
  'alter table hexabase.upstream_sign_ins add column proof bigint not null default 0',
  `create function hexabase.raise_own_proof_epoch() returns trigger
     language plpgsql set search_path = pg_catalog, pg_temp as $$
     begin
       new.proof_epoch := old.proof_epoch + 1;
       return new;
     end $$`,
  raised('users_proof', {
    table: 'users',
    event: 'before update of password_hash, disabled_at',
    when: 'old.password_hash is distinct from new.password_hash or old.disabled_at is distinct from new.disabled_at',
    call: 'raise_own_proof_epoch',
  }),
  `create function hexabase.raise_proof_epoch() returns trigger
     language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
     begin
       update hexabase.users set proof_epoch = proof_epoch + 1 where id = coalesce(new.user_id, old.user_id);
       return null;
     end $$`,
  ...[
    { name: 'added', event: 'after insert', when: 'new.confirmed_at is not null' },
    {
      name: 'confirmed',
      event: 'after update of confirmed_at',
      when: 'old.confirmed_at is distinct from new.confirmed_at',
    },
    { name: 'removed', event: 'after delete', when: 'old.confirmed_at is not null' },
  ].map(({ name, event, when }) =>
    raised(`second_factors_proof_${name}`, {
      table: 'second_factors',
      event,
      when,
      call: 'raise_proof_epoch',
    }),
  ),
  raised('external_identities_proof', {
    table: 'external_identities',
    event: 'after delete',
    call: 'raise_proof_epoch',
  }),
  // Held until its transaction ends, a provider that is switched off signs nobody in any more.
  `create function hexabase.raise_proof_epochs_of_provider() returns trigger
     language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
     begin
       update hexabase.users set proof_epoch = proof_epoch + 1
         where id in (select e.user_id from hexabase.external_identities e where e.provider_id = new.id);
       return null;
     end $$`,
  raised('identity_providers_proof', {
    table: 'identity_providers',
    event: 'after update of enabled',
    when: 'old.enabled and not new.enabled',
    call: 'raise_proof_epochs_of_provider',
  }),
  // Of the start that set a password last: a password is set once now, by the start that tells it.
  'alter table hexabase.installation drop column first_owner_claim',
];

export const down = [
  'alter table hexabase.installation add column first_owner_claim text',
  'grant select (first_owner_claim), update (first_owner_claim) on hexabase.installation to hexabase_identity',
  'drop trigger identity_providers_proof on hexabase.identity_providers',
  'drop trigger external_identities_proof on hexabase.external_identities',
  ...['added', 'confirmed', 'removed'].map(
    (name) => `drop trigger second_factors_proof_${name} on hexabase.second_factors`,
  ),
  'drop trigger users_proof on hexabase.users',
  'drop function hexabase.raise_proof_epochs_of_provider()',
  'drop function hexabase.raise_proof_epoch()',
  'drop function hexabase.raise_own_proof_epoch()',
  'alter table hexabase.upstream_sign_ins drop column proof',
  'alter table hexabase.sign_in_codes drop column proof',
  'alter table hexabase.factor_tickets drop column proof',
  'alter table hexabase.users drop column proof_epoch',
];
