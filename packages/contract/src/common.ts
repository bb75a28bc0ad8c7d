import { canonicalEmail, emailPattern } from '@hexabase/kernel/text/email-address.ts';
import * as z from 'zod';

/** How long a display name may be, in UTF-16 units. */
export const displayNameUnitsMax = 50;

/** Free text shown to people; not unique. 3 to 50 characters, no control characters, not only spaces. */
export const displayName = z
  .string()
  .trim()
  .min(3, 'use at least 3 characters')
  .max(displayNameUnitsMax, `use at most ${displayNameUnitsMax} characters`)
  .regex(/^[^\p{Cc}\p{Cf}]+$/u, 'leave out control characters');

/** The e-mail address of a person or a mailbox, in its one spelling; whoever can have an account can be named. */
export const emailAddress = z
  .string()
  .overwrite(canonicalEmail)
  .regex(emailPattern, 'is not an e-mail address');

/** DNS label (RFC 1123), as Kubernetes wants it for namespaces. */
export const dnsLabel = z
  .string()
  .min(1)
  .max(63)
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
    'use lower-case letters, digits and dashes, and begin and end with a letter or digit',
  );

/** A slug in a create request. Asking for a taken one is a conflict. */
export const slug = dnsLabel.min(3).max(40);

export const id = z.string().describe('UUIDv7');
export const timestamp = z.string().describe('RFC 3339 in UTC');

export const condition = z.object({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string(),
  message: z.string(),
  observedGeneration: z.int(),
  lastTransitionTime: timestamp,
});

/** What a resource that takes time is doing: step n of m, in words. */
export const progress = z.object({ step: z.int(), steps: z.int(), message: z.string() });

/** Query of every list. `page` counts from 1. `sort` is a field, with `-` in front for descending. */
export const pageQuery = z.object({
  page: z.coerce.number().int().min(1).max(1_000_000).default(1),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  sort: z.string().max(40).optional(),
});

/** The same of a list that is short: one page is all of it unless a smaller one is asked for. */
export const wholePageQuery = pageQuery.extend({
  limit: z.coerce.number().int().min(1).max(500).default(500),
});

export const orgFilter = {
  organization: z.string().max(64).optional().describe('id or slug of an organization'),
};
