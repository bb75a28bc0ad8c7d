import { AppError } from '@hexabase/kernel/errors.ts';
import type { FastifyReply } from 'fastify';
import { sendPage } from '../pages/html.ts';
import { endPage } from '../pages/sign-in.ts';
import type { Problem } from '../pages/ways.ts';

/** Refusals after which the same form is worth another try. */
const correctable = ['invalid_credentials', 'rate_limited', 'not_found', 'not_built'];

/** What to tell a person on the form, with the status of the answer; throws everything they cannot mend there. */
export function problemFrom(error: unknown, reply: FastifyReply): Problem {
  if (!(error instanceof AppError) || !correctable.includes(error.code)) throw error;
  const retryAfter = error.details['retryAfterSeconds'];
  if (typeof retryAfter !== 'number') {
    void reply.status(error.status);
    return { message: error.message };
  }
  void reply.status(error.status).header('retry-after', String(retryAfter));
  return { message: `Too many wrong tries. Wait ${retryAfter} seconds, then try again.` };
}

/** An error page for what the person cannot mend; faults of ours go on to the server's own handler. */
export function answerPageError(error: unknown, reply: FastifyReply): FastifyReply {
  if (!(error instanceof AppError) || error.status >= 500) throw error;
  const retryAfter = error.details['retryAfterSeconds'];
  if (typeof retryAfter === 'number') void reply.header('retry-after', String(retryAfter));
  const text =
    error.code === 'validation_failed' ? 'The form lacks something, or has too much.' : error.message;
  return sendPage(
    reply.status(error.status),
    'This did not work',
    endPage({ title: 'This did not work', text }),
  );
}
