/** Somebody with a higher fence has written to this cluster, or removed it. Whoever gets this has been replaced. */
export class StaleFenceError extends Error {
  constructor(clusterId: string) {
    super(`a newer owner has changed cluster ${clusterId}`);
    this.name = 'StaleFenceError';
  }
}
