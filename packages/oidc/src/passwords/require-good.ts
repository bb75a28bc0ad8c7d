import { AppError } from '@hexabase/kernel/errors.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { judgePassword } from './judge.ts';

/** Without a second factor a password stands alone: longer than what NIST SP 800-63B asks beside one. */
const passwordCharactersMin = 12;
const passwordBytesMax = 1_024;
/** Judging takes time that grows faster than the length; what begins so badly is not mended by its end. */
const judgedCharactersMax = 32;
/** 10^8 guesses and more, of 0 to 4: out of reach of guessing at the sign-in page. */
const scoreMin = 3;
/** What must be left of a password when the words that everybody knows of its owner are taken out. */
const ownCharactersMin = 8;

/**
 * Refuses short, common and breached passwords (the 30,000 most common of the lists of zxcvbn, with their usual
 * spellings and keyboard patterns), and those that are made of words about the person. Throws AppError
 * `validation_failed`. Operators may leave this out for fixtures and recovery.
 */
export async function requireGoodPassword(password: string, words: readonly string[]): Promise<void> {
  if ([...password].length < passwordCharactersMin)
    throw weak(`use at least ${passwordCharactersMin} characters`);
  if (Buffer.byteLength(password) > passwordBytesMax) throw weak(`use at most ${passwordBytesMax} bytes`);
  const parts = partsOf(words);
  if (withoutWords(password, parts).length < ownCharactersMin)
    throw weak('use more than your name, your address and your organization');
  const begin = password.slice(0, judgedCharactersMax);
  const { score, isListed } = await judgePassword({ password: begin, words: parts });
  if (score < scoreMin)
    throw weak(
      isListed
        ? 'this or something like it is on the lists that attackers try first'
        : 'this is easy to guess; a sentence of your own is better',
    );
}

/** Words about a person: their address, their name, and the organizations that they are in or invited to. */
export async function wordsAbout(
  tx: Tx,
  { email, displayName }: { email: string; displayName: string },
): Promise<string[]> {
  const { rows } = await sql<{ name: string; slug: string }>`
    SELECT o.name, o.slug FROM hexabase.organizations o WHERE o.id IN (
      SELECT m.organization_id FROM hexabase.memberships m JOIN hexabase.users u ON u.id = m.user_id WHERE u.email = ${email}
      UNION SELECT i.organization_id FROM hexabase.invitations i WHERE i.email = ${email})
    LIMIT 20`.execute(tx);
  return [email, displayName, ...rows.flatMap(({ name, slug }) => [name, slug]), 'hexabase'];
}

function partsOf(words: readonly string[]): string[] {
  const parts = words.flatMap((word) => word.toLowerCase().split(/[^\p{L}\p{N}]+/u));
  // The longest first: what they leave is then looked through for the shorter ones.
  return [...new Set(parts)].filter((part) => part.length > 2).toSorted((a, b) => b.length - a.length);
}

function withoutWords(password: string, parts: readonly string[]): string {
  return parts.reduce((text, part) => text.replaceAll(part, ''), password.toLowerCase());
}

function weak(message: string): AppError {
  return new AppError('validation_failed', { details: { fields: [{ path: 'password', message }] } });
}
