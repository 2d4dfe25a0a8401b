// Many tasks at once: results in the order of the tasks, never more under way than asked for.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { inOrder } from '../../../src/ops/fleet/in-order.ts'

async function* of<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}

test('order and window hold however long each task takes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(5), { maxLength: 40 }), fc.integer({ min: 1, max: 8 }), async (turns, window) => {
      let under = 0
      let most = 0
      const run = async (task: { turns: number; at: number }): Promise<number> => {
        most = Math.max(most, ++under)
        for (let n = 0; n < task.turns; n++) await Promise.resolve()
        under--
        return task.at
      }
      const seen: number[] = []
      for await (const at of inOrder(of(turns.map((n, at) => ({ turns: n, at }))), run, window)) seen.push(at)
      expect(seen).toEqual(turns.map((_, at) => at))
      expect(most).toBeLessThanOrEqual(window)
    }),
    { seed: 4, numRuns: 50 },
  )
})

test('the first failure ends it, and the failures after it are nobody’s', async () => {
  const seen: number[] = []
  const run = async (n: number): Promise<number> => {
    if (n >= 2) throw new Error(`task ${n}`)
    return n
  }
  await expect(async () => {
    for await (const n of inOrder(of([0, 1, 2, 3, 4]), run, 4)) seen.push(n)
  }).rejects.toThrow('task 2')
  expect(seen).toEqual([0, 1])
})
