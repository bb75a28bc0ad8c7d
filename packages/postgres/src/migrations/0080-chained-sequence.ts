/** Only what has a place in a chain is looked up by it; an entry is written without one, and every write waits for it. */
export const up = [
  'drop index hexabase.audit_entries_sequence',
  `create unique index audit_entries_sequence on hexabase.audit_entries (chain, sequence) where sequence is not null`,
];

export const down = [
  'drop index hexabase.audit_entries_sequence',
  'create unique index audit_entries_sequence on hexabase.audit_entries (chain, sequence)',
];
