import { randomInt } from 'node:crypto';

const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
const longestBase = 58;

/** `generateName` plus five random letters, cut to 63 (k8s.io/apiserver/pkg/storage/names). */
export function generatedName(base: string): string {
  let name = base.slice(0, longestBase);
  for (let count = 0; count < 5; count++) name += alphabet[randomInt(alphabet.length)] ?? 'x';
  return name;
}
