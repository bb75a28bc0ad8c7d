import { StatusError } from '../api/status-error.ts';
import type { KubeObject, UserInfo } from '../types.ts';
import { fieldsOf, isObject, stringsOf, textOf, type Json } from './fields.ts';
import { withAuthenticatedGroup, type Authorizer, type Decision } from './rbac.ts';
import type { Attributes } from './rules.ts';

/** Who a bearer token belongs to; null for a token that is not valid for any of the audiences. */
export type TokenCheck = (
  token: string,
  audiences: readonly string[],
) => Promise<{ user: UserInfo; audiences: string[] } | null>;

export interface ReviewContext {
  authorizer: Authorizer;
  /** Who asks. */
  user: UserInfo;
  /** Absent: TokenReview answers 501. */
  checkToken?: TokenCheck;
}

/**
 * Answers the kinds of `authorization.k8s.io` and `authentication.k8s.io`: the object with its `status`. Nothing is
 * stored. Throws 400, 422, or 501 for what is not served.
 */
export async function answerReview(context: ReviewContext, review: KubeObject): Promise<KubeObject> {
  const user = withAuthenticatedGroup(context.user);
  const { authorizer } = context;
  const spec = fieldsOf(review['spec']);
  switch (review.kind) {
    case 'SelfSubjectAccessReview':
      return { ...review, status: accessStatus(authorizer.authorize(user, requestOf(review, spec))) };
    case 'SubjectAccessReview':
    case 'LocalSubjectAccessReview':
      return {
        ...review,
        status: accessStatus(authorizer.judge(subjectOf(review, spec), requestOf(review, spec))),
      };
    case 'SelfSubjectRulesReview':
      return { ...review, status: rulesStatus(authorizer, user, spec) };
    case 'SelfSubjectReview':
      return { ...review, status: { userInfo: userInfoOf(user) } };
    case 'TokenReview':
      return { ...review, status: await tokenStatus(context, spec) };
    default:
      throw new StatusError(501, 'NotImplemented', `${review.kind} is not served`);
  }
}

function accessStatus({ allowed, reason }: Decision): Json {
  return { allowed, ...(reason !== '' && { reason }) };
}

function requestOf(review: KubeObject, spec: Json): Attributes {
  const resource = spec['resourceAttributes'];
  const path = spec['nonResourceAttributes'];
  if (review.kind === 'LocalSubjectAccessReview') {
    const asked = textOf(fieldsOf(resource)['namespace']);
    if (path)
      throw invalid(
        review,
        'spec.nonResourceAttributes',
        'Invalid value: {}: disallowed on this kind of request',
      );
    if (asked !== review.metadata.namespace) {
      const message = `spec.resourceAttributes.namespace must match namespace: ${review.metadata.namespace ?? ''}`;
      throw new StatusError(400, 'BadRequest', message);
    }
  }
  if (isObject(resource) === isObject(path)) {
    const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    throw invalid(review, 'spec.resourceAttributes', `Invalid value: null: ${why}`);
  }
  if (isObject(path)) return { verb: textOf(path['verb']), path: textOf(path['path']) };
  const fields = fieldsOf(resource);
  return {
    verb: textOf(fields['verb']),
    group: textOf(fields['group']),
    resource: textOf(fields['resource']),
    subresource: textOf(fields['subresource']),
    namespace: textOf(fields['namespace']),
    name: textOf(fields['name']),
  };
}

function subjectOf(review: KubeObject, spec: Json): UserInfo {
  const username = textOf(spec['user']);
  const groups = stringsOf(spec['groups']);
  if (username === '' && groups.length === 0) {
    throw invalid(review, 'spec.user', 'Invalid value: "": at least one of user or group must be specified');
  }
  return { username, groups };
}

function rulesStatus(authorizer: Authorizer, user: UserInfo, spec: Json): Json {
  const namespace = textOf(spec['namespace']);
  if (namespace === '') throw new StatusError(400, 'BadRequest', 'no namespace on request');
  const { rules, errors } = authorizer.rulesFor(user, namespace);
  return {
    resourceRules: rules
      .filter((rule) => rule.resources.length > 0)
      .map(({ verbs, apiGroups, resources, resourceNames }) => ({
        verbs,
        apiGroups,
        resources,
        ...(resourceNames.length > 0 && { resourceNames }),
      })),
    nonResourceRules: rules
      .filter((rule) => rule.nonResourceURLs.length > 0)
      .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
    incomplete: false,
    ...(errors.length > 0 && { evaluationError: errors.join(', ') }),
  };
}

async function tokenStatus(context: ReviewContext, spec: Json): Promise<Json> {
  if (!context.checkToken)
    throw new StatusError(501, 'NotImplemented', 'TokenReview is not served by this cluster');
  const token = textOf(spec['token']);
  if (token === '')
    throw new StatusError(400, 'BadRequest', 'token is required for TokenReview in authentication');
  const found = await context.checkToken(token, stringsOf(spec['audiences']));
  if (!found) return { user: {}, error: 'the token is not valid' };
  return { authenticated: true, user: userInfoOf(found.user), audiences: found.audiences };
}

function userInfoOf({ username, uid, groups, extra }: UserInfo): Json {
  return { username, ...(uid !== undefined && { uid }), groups, ...(extra && { extra }) };
}

function invalid(review: KubeObject, field: string, message: string): StatusError {
  const group = review.apiVersion.split('/')[0] ?? '';
  const details = { group, kind: review.kind, causes: [{ reason: 'FieldValueInvalid', message, field }] };
  return new StatusError(422, 'Invalid', {
    message: `${review.kind}.${group} "" is invalid: ${field}: ${message}`,
    details,
  });
}
