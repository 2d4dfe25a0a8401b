// Owns running many tasks at once with their results in the tasks' order and a bounded number under way. Knows no file and no thread.

/**
 * Runs `run` on every task and yields what comes of it in the order of the tasks. At most `window` tasks are started and not yet yielded, whatever
 * the number of tasks; a slow one holds back what comes after it, not the work on it. The first failure ends it; the caller stops what still runs.
 */
export async function* inOrder<T, R>(tasks: AsyncIterable<T>, run: (task: T) => Promise<R>, window: number): AsyncGenerator<R> {
  const started: Promise<R>[] = []
  for await (const task of tasks) {
    if (started.length >= window) yield await started.shift()!
    const promise = run(task)
    promise.catch(() => {}) // it is heard when its turn comes; until then its failure is nobody's
    started.push(promise)
  }
  while (started.length > 0) yield await started.shift()!
}
