/** A row for each statement that waits for a lock in the database that is asked; those of other tests are in others. */
export const waitingForLocks =
  "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
