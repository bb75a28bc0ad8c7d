import { internalTable } from './helpers/tenant-table.ts';

/**
 * What all replicas of an installation have to agree on, in one row: where it is reached, the authority that kubeconfigs
 * trust (its key is ciphertext under the master key), and whether the first owner has been told their password. An owner
 * who is there already was told.
 */
export const up = [
  `create table hexabase.installation (
     singleton boolean primary key default true check (singleton),
     public_url text,
     discovery_url text,
     authority text,
     first_owner_claim text,
     first_owner_shown_at timestamptz
   )`,
  ...internalTable('installation', {
    worker: 'select, update',
    identity:
      'select (singleton, first_owner_claim, first_owner_shown_at), update (first_owner_claim, first_owner_shown_at)',
  }),
  `insert into hexabase.installation (first_owner_shown_at)
     values ((select created_at from hexabase.users where email = 'owner@hexabase.local'))`,
];

export const down = ['drop table hexabase.installation'];
