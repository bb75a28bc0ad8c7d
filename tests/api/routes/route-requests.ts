import { pageRequests } from './page-requests.ts';
import { providerRequests } from './provider-requests.ts';
import { sessionRequests, type MakeRequest } from './session-requests.ts';

/** How each route of the matrix is asked. */
export const routeRequests: Readonly<Record<string, MakeRequest>> = {
  ...sessionRequests,
  ...pageRequests,
  ...providerRequests,
};
