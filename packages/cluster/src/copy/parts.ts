import { ContentTooLargeError } from './content.ts';

/** How parts are kept until they are written. */
export interface Packing {
  /** Compresses one part, or locks it away; the text is the JSON of a `ContentPart`. */
  pack(text: string, part: number): Promise<string>;
  /** Of all packed parts together. */
  packedCharactersMax: number;
}

/** So much work is lost at most when whoever writes is killed; one object may be larger. */
const partItemsMax = 100;
const partCharactersMax = 2_000_000;
/** Before packing, of all parts together: what is read must end. */
const charactersMax = 200_000_000;

/** Puts things together until a part is full, and packs it. Each thing is written out as text once. */
export interface Parts {
  packed: string[];
  /** Throws `ContentTooLargeError` once all of it is too much. */
  add(key: 'objects' | 'ties', thing: unknown): Promise<void>;
  /** What comes next belongs to another part. */
  close(): Promise<void>;
}

export function partsPackedBy({ pack, packedCharactersMax }: Packing): Parts {
  const packed: string[] = [];
  let key: 'objects' | 'ties' = 'objects';
  let items: string[] = [];
  let characters = 0;
  let charactersOfAll = 0;
  let packedCharacters = 0;

  async function close(): Promise<void> {
    if (items.length === 0) return;
    const text = `{"${key}":[${items.join(',')}]}`;
    items = [];
    characters = 0;
    const part = await pack(text, packed.length);
    packedCharacters += part.length;
    if (packedCharacters > packedCharactersMax) throw new ContentTooLargeError();
    packed.push(part);
  }

  async function add(nextKey: 'objects' | 'ties', thing: unknown): Promise<void> {
    const item = JSON.stringify(thing);
    charactersOfAll += item.length;
    if (charactersOfAll > charactersMax) throw new ContentTooLargeError();
    const isFull = items.length >= partItemsMax || characters + item.length > partCharactersMax;
    if (isFull || nextKey !== key) await close();
    key = nextKey;
    items.push(item);
    characters += item.length;
  }

  return { packed, add, close };
}
