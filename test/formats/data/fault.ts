// Owns catching what a function throws, to look at it.
export function fault(run: () => unknown): unknown {
  try {
    return { returned: run() }
  } catch (error) {
    return error
  }
}
