import { sql } from 'kysely';
import { newId } from '@hexabase/kernel/id.ts';
import type { Tx } from './database.ts';

/** What happened, for whoever listens outside: written with the change, published at least once after it commits. */
export interface OutboxMessage {
  /** Dotted name, `workspace.ready`. */
  subject: string;
  organizationId: string | null;
  payload: Record<string, unknown>;
}

/** Notes a message in the caller's transaction. The relay hears of it when that commits. */
export async function addToOutbox(tx: Tx, message: OutboxMessage): Promise<void> {
  await sql`
    with noted as (
      insert into hexabase.outbox (id, organization_id, subject, payload)
      values (${newId()}, ${message.organizationId}, ${message.subject}, ${JSON.stringify(message.payload)}::jsonb)
    )
    select pg_notify('hexabase_outbox', '')`.execute(tx);
}
