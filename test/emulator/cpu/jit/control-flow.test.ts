// Control flow: the order, loops and entries that structured code needs; checked on random graphs against what the words mean.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { analyseControlFlow, loopBodies } from '../../../../src/emulator/cpu/jit/control-flow.ts'

describe('known graphs', () => {
  test('a loop has one head, and what is behind it is no part of it', () => {
    const flow = analyseControlFlow([[], [2], [3, 4], [2], []], [1])
    expect([...flow.entries]).toEqual([1])
    expect([...flow.loopHead]).toEqual([0, 0, 1, 0, 0])
    expect(loopBodies(flow, [[], [2], [3, 4], [2], []])).toEqual(new Map([[2, new Set([2, 3])]]))
  })

  test('two blocks that jump to each other and are both reached from outside: one becomes an entry', () => {
    const flow = analyseControlFlow([[], [2, 3], [3], [2]], [1])
    expect(flow.entries).toHaveLength(2)
  })

  test('both ways of a condition meet again', () => {
    const flow = analyseControlFlow([[], [2, 3], [4], [4], []], [1])
    expect([...flow.merge]).toEqual([0, 0, 0, 0, 1])
    expect(flow.children[1]).toContain(4)
  })
})

test('every branch leads forward, to a loop around it, or to an entry; and only merges and entries have several ways in', () => {
  const graphs = fc.integer({ min: 1, max: 14 }).chain(nodes =>
    fc.record({
      edges: fc.array(fc.array(fc.integer({ min: 1, max: nodes }), { maxLength: 3 }), { minLength: nodes, maxLength: nodes }),
      entries: fc.uniqueArray(fc.integer({ min: 1, max: nodes }), { minLength: 1, maxLength: 3 }),
    }),
  )
  fc.assert(
    fc.property(graphs, ({ edges, entries }) => {
      const successors = [[], ...edges.map(each => [...new Set(each)])]
      const flow = analyseControlFlow(successors, entries)
      expect(flow.entries.slice(0, entries.length)).toEqual(entries)
      const parents = new Map(flow.children.flatMap((children, parent) => children.map(child => [child, parent] as const)))
      const dominates = (above: number, below: number): boolean => {
        for (let node: number | undefined = below; node !== undefined; node = parents.get(node)) if (node === above) return true
        return false
      }
      for (const from of flow.sequence) {
        for (const to of from === 0 ? flow.entries : successors[from]!) {
          if (flow.order[to]! > flow.order[from]!) expect(dominates(parents.get(to)!, from)).toBe(true)
          else if (dominates(to, from)) expect(flow.loopHead[to]).toBe(1)
          else expect(flow.entries).toContain(to)
        }
      }
    }),
    { seed: 6, numRuns: 500 },
  )
})
