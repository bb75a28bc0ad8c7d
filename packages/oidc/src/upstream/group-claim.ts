/** What a provider said about somebody's groups: values, or why it cannot be used. Kept as JSON until the sign-in is done. */
export type GroupClaim =
  | {
      /** Each once, in a fixed order. */
      values: string[];
      /** Values that were left out: too long, empty, or with characters that no reader sees. */
      unfit: number;
    }
  | { problem: 'missing' | 'not an array of texts' | 'too many values' };

/** A value of a groups claim, and the name of the group that it stands for. */
export interface MappedGroup {
  value: string;
  group: string;
}

const valuesMax = 500;
/** In characters. */
const groupValueMax = 256;

/** Control and format characters (also what turns text around), halves of characters, and separators of lines. */
const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Reads the claim by its name from what a provider signed, or else from what its userinfo address said. */
export function readGroupClaim(claim: string, signed: object, more: object | undefined): GroupClaim {
  const value = ownValue(signed, claim) ?? ownValue(more ?? {}, claim);
  if (value === undefined) return { problem: 'missing' };
  if (!Array.isArray(value)) return { problem: 'not an array of texts' };
  if (value.length > valuesMax) return { problem: 'too many values' };
  const texts = value.filter((one) => typeof one === 'string');
  if (texts.length !== value.length) return { problem: 'not an array of texts' };
  const fit = texts.filter(isGroupValue);
  return { values: [...new Set(fit)].toSorted(), unfit: texts.length - fit.length };
}

/** Whether a value can stand for a group at all. */
export function isGroupValue(value: string): boolean {
  return value.trim() !== '' && value.length <= groupValueMax && !unseen.test(value);
}

/** Never what every object inherits: a claim may be called `constructor`. */
function ownValue(from: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(from, name)?.value;
}
