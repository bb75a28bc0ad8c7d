import { Cron } from 'croner';
import { asJson, isJson, text } from '../../schema/json.ts';
import type { Json } from '../../schema/json.ts';
import { nonNegative } from '../formats.ts';
import { checkPodTemplate } from '../pod/pod.ts';
import { checkFormat, checkImmutable } from '../problems.ts';
import type { Problems } from '../problems.ts';
import { selectorMatches } from '../selector.ts';

const COUNTS = [
  'parallelism',
  'completions',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
  'activeDeadlineSeconds',
];
/** A CronJob's jobs get eleven characters appended. */
const CRON_JOB_NAME_MAX = 52;

/** Rules of a Job that has its generated selector. */
export function checkJob(job: Json, problems: Problems): void {
  const spec = asJson(job['spec']);
  checkJobSpec(spec, 'spec', problems);
  const labels = asJson(asJson(spec['template'])['metadata'])['labels'];
  if (!isJson(spec['selector'])) problems.required('spec.selector');
  else if (!selectorMatches(spec['selector'], labels)) {
    problems.invalid(
      'spec.template.metadata.labels',
      labels ?? null,
      '`selector` does not match template `labels`',
    );
  }
}

/** What may not change in a Job. Scheduling directives of a suspended Job that never ran may. */
export function checkJobUpdate(job: Json, old: Json, problems: Problems): void {
  const now = asJson(job['spec']);
  const before = asJson(old['spec']);
  const neverRan = before['suspend'] === true && asJson(old['status'])['startTime'] === undefined;
  const fields = ['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'];
  if (now['completionMode'] !== 'Indexed')
    checkImmutable('spec.completions', { now: now['completions'], before: before['completions'] }, problems);
  checkImmutable('spec.selector', { now: now['selector'], before: before['selector'] }, problems);
  if (!neverRan)
    checkImmutable('spec.template', { now: now['template'], before: before['template'] }, problems);
  for (const field of fields)
    checkImmutable(`spec.${field}`, { now: now[field], before: before[field] }, problems);
}

/** Rules of a CronJob. */
export function checkCronJob(cronJob: Json, problems: Problems): void {
  const spec = asJson(cronJob['spec']);
  const name = text(asJson(cronJob['metadata'])['name']);
  if (name.length > CRON_JOB_NAME_MAX)
    problems.invalid('metadata.name', name, `must be no more than ${CRON_JOB_NAME_MAX} characters`);
  checkSchedule(text(spec['schedule']), problems);
  checkTimeZone(spec['timeZone'], problems);
  const policy = text(spec['concurrencyPolicy']);
  if (policy === '') problems.required('spec.concurrencyPolicy');
  else if (!['Allow', 'Forbid', 'Replace'].includes(policy))
    problems.notSupported('spec.concurrencyPolicy', policy, ['Allow', 'Forbid', 'Replace']);
  for (const field of ['startingDeadlineSeconds', 'successfulJobsHistoryLimit', 'failedJobsHistoryLimit']) {
    checkFormat(`spec.${field}`, spec[field], { messages: nonNegative(spec[field]), problems });
  }
  const jobSpec = asJson(asJson(spec['jobTemplate'])['spec']);
  if (isJson(jobSpec['selector']))
    problems.invalid(
      'spec.jobTemplate.spec.selector',
      jobSpec['selector'],
      '`selector` will be auto-generated',
    );
  if (jobSpec['manualSelector'] === true)
    problems.notSupported('spec.jobTemplate.spec.manualSelector', true, ['nil', 'false']);
  checkJobSpec(jobSpec, 'spec.jobTemplate.spec', problems);
}

function checkJobSpec(spec: Json, path: string, problems: Problems): void {
  for (const field of COUNTS)
    checkFormat(`${path}.${field}`, spec[field], { messages: nonNegative(spec[field]), problems });
  const mode = text(spec['completionMode']);
  if (mode !== '' && mode !== 'NonIndexed' && mode !== 'Indexed')
    problems.notSupported(`${path}.completionMode`, mode, ['NonIndexed', 'Indexed']);
  if (mode === 'Indexed' && spec['completions'] === undefined)
    problems.required(`${path}.completions`, 'when completion mode is Indexed');
  if (mode !== 'Indexed' && spec['backoffLimitPerIndex'] !== undefined) {
    problems.invalid(
      `${path}.backoffLimitPerIndex`,
      spec['backoffLimitPerIndex'],
      'requires indexed completion mode',
    );
  }
  const template = asJson(spec['template']);
  checkPodTemplate(template, `${path}.template`, problems);
  const restartPath = `${path}.template.spec.restartPolicy`;
  const restartPolicy = text(asJson(template['spec'])['restartPolicy']);
  if (restartPolicy === '' || restartPolicy === 'Always')
    problems.required(restartPath, 'valid values: "OnFailure", "Never"');
  else if (restartPolicy !== 'OnFailure' && restartPolicy !== 'Never')
    problems.notSupported(restartPath, restartPolicy, ['OnFailure', 'Never']);
  else if (isJson(spec['podFailurePolicy']) && restartPolicy !== 'Never') {
    problems.invalid(
      restartPath,
      restartPolicy,
      'only "Never" is supported when podFailurePolicy is specified',
    );
  }
}

function checkSchedule(schedule: string, problems: Problems): void {
  const path = 'spec.schedule';
  if (schedule === '') {
    problems.required(path);
    return;
  }
  if (/^(CRON_)?TZ=/.test(schedule)) {
    problems.invalid(path, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead');
    return;
  }
  if (/^@every \d/.test(schedule)) return;
  const fields = schedule.trim().split(/\s+/);
  if (!schedule.startsWith('@') && fields.length !== 5) {
    problems.invalid(
      path,
      schedule,
      `expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`,
    );
    return;
  }
  try {
    new Cron(schedule, { paused: true });
  } catch (error) {
    problems.invalid(path, schedule, error instanceof Error ? error.message : String(error));
  }
}

function checkTimeZone(timeZone: unknown, problems: Problems): void {
  if (timeZone === undefined || timeZone === null) return;
  const path = 'spec.timeZone';
  if (timeZone === '') problems.invalid(path, timeZone, 'timeZone must be nil or non-empty string');
  else if (String(timeZone).toLowerCase() === 'local') {
    problems.invalid(
      path,
      timeZone,
      'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
    );
  } else {
    try {
      new Intl.DateTimeFormat('en', { timeZone: String(timeZone) });
    } catch {
      problems.invalid(path, timeZone, `unknown time zone ${String(timeZone)}`);
    }
  }
}
