import { letterHours, type LetterKind } from './code-store.ts';

interface Letter {
  subject: string;
  text: string;
}

/** The letter to somebody who asked for one; it says to the owner of the mailbox alone whether there is an account. */
export function letterFor(
  kind: LetterKind,
  { known, site, code }: { known: boolean; site: string; code: string },
): Letter {
  const link = `${site}/auth/finish?code=${code}`;
  if (kind === 'reset') {
    return known
      ? letter('Set a new password', [
          'Set a new password for Hexabase AI here:',
          '',
          `    ${link}`,
          '',
          lifetime,
        ])
      : letter('No account here', [
          'Somebody, perhaps you, asked for a new password for this address on Hexabase AI.',
          'There is no account for it.',
        ]);
  }
  return known
    ? letter('You have an account', [
        'Somebody, perhaps you, asked for a new account for this address on Hexabase AI.',
        'There is one already. Was the password lost? Ask for a new one:',
        '',
        `    ${site}/auth/reset`,
      ])
    : letter('Confirm your address', [
        'Make your account on Hexabase AI here:',
        '',
        `    ${link}`,
        '',
        lifetime,
      ]);
}

const lifetime = `The address works once, for ${letterHours} hour. If you did not ask for it, do nothing.`;

function letter(subject: string, lines: readonly string[]): Letter {
  return { subject: `Hexabase AI: ${subject}`, text: [...lines, ''].join('\n') };
}
