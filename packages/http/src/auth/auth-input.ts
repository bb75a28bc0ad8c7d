import { AppError } from '@hexabase/kernel/errors.ts';
import * as z from 'zod';

const deviceId = z.string().min(1).max(128).optional();

/** `username` is OAuth's word for the e-mail address; forms of generic clients send it. */
export const loginBody = z.union([
  z.strictObject({
    email: z.string().min(1).max(254),
    password: z.string().min(1).max(1024),
    device_id: deviceId,
  }),
  z
    .object({
      username: z.string().min(1).max(254),
      password: z.string().min(1).max(1024),
      device_id: deviceId,
    })
    .transform(({ username, password, device_id }) => ({ email: username, password, device_id })),
]);

export const refreshBody = z.object({ refresh_token: z.string().min(1).max(512), device_id: deviceId });

export const logoutBody = z.object({ refresh_token: z.string().min(1).max(512).optional() });

/** Throws AppError `validation_failed` with the fields that do not fit; never repeats a value. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
  throw new AppError('validation_failed', { details: { fields } });
}
