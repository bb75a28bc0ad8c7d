/**
 * Text that somebody chose, as one word of a command that somebody else may copy into a shell (POSIX shell, §2.2.2): it
 * ends no quotes, runs nothing and is no option.
 */
export function shellWord(text: string): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '').replace(/^-+/, '');
  return /^[\w@.+:][\w@.+:/-]*$/.test(plain) ? plain : `'${plain.replaceAll("'", `'\\''`)}'`;
}
