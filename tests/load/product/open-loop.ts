/** One request of a plan: what kind it is, and how it is sent. */
export interface Planned {
  kind: string;
  send(): Promise<number>;
}

export interface OpenLoopFigures {
  latenciesMs: Record<string, number[]>;
  /** Answers that were not 2xx, by status. */
  refused: Record<string, number>;
  perSecond: number;
}

/**
 * Sends so many requests a second whatever the answers do. A latency counts from the moment at which the request was
 * due, so that a server which stalls cannot hide it by slowing its clients down.
 */
export async function openLoop(
  { perSecond, seconds }: { perSecond: number; seconds: number },
  next: (sequence: number) => Planned,
): Promise<OpenLoopFigures> {
  const latenciesMs: Record<string, number[]> = {};
  const refused: Record<string, number> = {};
  const running: Promise<void>[] = [];
  const start = performance.now();
  const total = perSecond * seconds;
  for (let sent = 0; sent < total;) {
    const due = Math.min(total, Math.floor(((performance.now() - start) / 1000) * perSecond));
    for (; sent < due; sent++) running.push(one(next(sent), start + (sent * 1000) / perSecond));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(running);
  return { latenciesMs, refused, perSecond: total / ((performance.now() - start) / 1000) };

  async function one(planned: Planned, dueAt: number): Promise<void> {
    const status = await planned.send().catch(() => 0);
    if (status >= 200 && status < 300) (latenciesMs[planned.kind] ??= []).push(performance.now() - dueAt);
    else refused[status] = (refused[status] ?? 0) + 1;
  }
}
