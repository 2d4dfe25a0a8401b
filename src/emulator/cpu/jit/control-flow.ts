// Owns the shape of a control-flow graph: order, dominators, loops, and which blocks must be reachable from the dispatcher so that structured code exists
// for all. Knows nothing of what blocks contain.

/** Node 0 is the dispatcher: it leads to every entry. Block i of the region is node i + 1. */
export interface ControlFlow {
  /** Nodes that the dispatcher leads to: the given entries, then those that irreducible branches made necessary. */
  readonly entries: readonly number[]
  /** Position in reverse postorder; -1: unreachable. */
  readonly order: Int32Array
  /** Nodes in reverse postorder. */
  readonly sequence: readonly number[]
  /** Immediately dominated nodes. */
  readonly children: readonly (readonly number[])[]
  /** A backward branch of a node that it dominates leads here. */
  readonly loopHead: Uint8Array
  /** More than one forward branch leads here. */
  readonly merge: Uint8Array
}

/** `successors` of each node, without the dispatcher's. A branch that cannot be expressed otherwise has to go through the dispatcher (see isDispatched). */
export function analyseControlFlow(successors: readonly (readonly number[])[], given: readonly number[]): ControlFlow {
  const entries = [...given]
  for (;;) {
    const graph = successors.map((each, node) => (node === 0 ? entries : each))
    const { sequence, order } = reversePostorder(graph)
    const dominator = immediateDominators(graph, sequence, order)
    const known = new Set(entries)
    const before = entries.length
    const loopHead = new Uint8Array(graph.length)
    const forward = new Uint32Array(graph.length)
    for (const from of sequence)
      for (const to of graph[from]!) {
        if (order[to]! > order[from]!) forward[to]!++
        else if (dominates(dominator, order, to, from)) loopHead[to] = 1
        else if (!known.has(to)) {
          known.add(to)
          entries.push(to)
        }
      }
    if (entries.length > before) continue
    const children: number[][] = graph.map(() => [])
    for (const node of sequence) if (node !== 0) children[dominator[node]!]!.push(node)
    return { entries, order, sequence, children, loopHead, merge: forward.map(count => +(count > 1)) as unknown as Uint8Array }
  }
}

/** Whether the branch between these nodes goes through the dispatcher: backward, but into no loop around it. */
export function isDispatched(flow: ControlFlow, open: ReadonlySet<number>, from: number, to: number): boolean {
  return flow.order[to]! <= flow.order[from]! && !open.has(to)
}

/** The nodes of each loop, by its head: those that reach a backward branch to it without leaving through it. Dispatched branches make no loop here. */
export function loopBodies({ sequence, order, loopHead }: ControlFlow, successors: readonly (readonly number[])[]): ReadonlyMap<number, ReadonlySet<number>> {
  const predecessors: number[][] = successors.map(() => [])
  for (const from of sequence) for (const to of successors[from]!) predecessors[to]!.push(from)
  const bodies = new Map<number, ReadonlySet<number>>()
  for (const head of sequence) {
    if (!loopHead[head]) continue
    const body = new Set([head])
    const pending = predecessors[head]!.filter(from => order[from]! >= order[head]!)
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      if (body.has(node)) continue
      body.add(node)
      pending.push(...predecessors[node]!)
    }
    bodies.set(head, body)
  }
  return bodies
}

function reversePostorder(graph: readonly (readonly number[])[]): { readonly sequence: readonly number[]; readonly order: Int32Array } {
  const seen = new Uint8Array(graph.length)
  const postorder: number[] = []
  const visit = (node: number): void => {
    seen[node] = 1
    const next = graph[node]!
    for (let i = next.length - 1; i >= 0; i--) if (!seen[next[i]!]) visit(next[i]!)
    postorder.push(node)
  }
  visit(0)
  const sequence = postorder.reverse()
  const order = new Int32Array(graph.length).fill(-1)
  sequence.forEach((node, i) => {
    order[node] = i
  })
  return { sequence, order }
}

/** Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm". */
function immediateDominators(graph: readonly (readonly number[])[], sequence: readonly number[], order: Int32Array): Int32Array {
  const dominator = new Int32Array(graph.length).fill(-1)
  dominator[0] = 0
  const predecessors: number[][] = graph.map(() => [])
  for (const from of sequence) for (const to of graph[from]!) predecessors[to]!.push(from)
  const common = (a: number, b: number): number => {
    let [x, y] = [a, b]
    while (x !== y) {
      while (order[x]! > order[y]!) x = dominator[x]!
      while (order[y]! > order[x]!) y = dominator[y]!
    }
    return x
  }
  for (let changed = true; changed; ) {
    changed = false
    for (const node of sequence) {
      if (node === 0) continue
      let found = -1
      for (const from of predecessors[node]!) if (dominator[from]! >= 0) found = found < 0 ? from : common(found, from)
      if (found !== dominator[node]) {
        dominator[node] = found
        changed = true
      }
    }
  }
  return dominator
}

function dominates(dominator: Int32Array, order: Int32Array, above: number, below: number): boolean {
  let node = below
  while (order[node]! > order[above]!) node = dominator[node]!
  return node === above
}
