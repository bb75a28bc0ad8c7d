/** Branded identifiers. All are UUIDv7 text made by the application (RFC 9562 §5.7), so they sort by creation. */
declare const brand: unique symbol;
export type Branded<Name extends string> = string & { readonly [brand]: Name };

export type UserId = Branded<'User'>;
export type SessionId = Branded<'Session'>;
export type OrganizationId = Branded<'Organization'>;
export type WorkspaceId = Branded<'Workspace'>;
export type OperationId = Branded<'Operation'>;

/** Makes a new identifier. Pass the time to keep tests deterministic; it is in milliseconds since the epoch. */
export function newId<Name extends string>(nowMs: number = Date.now()): Branded<Name> {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  new DataView(bytes.buffer).setBigUint64(
    0,
    (BigInt(nowMs) << 16n) | BigInt(0x7000 | (((bytes[6] ?? 0) & 0x0f) << 8) | (bytes[7] ?? 0)),
  );
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return brandId(
    `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`,
  );
}

/** Marks text that is already known to be an identifier, for example a column of our own database. */
export function brandId<Name extends string>(text: string): Branded<Name> {
  return text as Branded<Name>;
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Tells a UUID from a slug, so that URLs and commands can take either. */
export function isUuid(text: string): boolean {
  return uuidPattern.test(text);
}
