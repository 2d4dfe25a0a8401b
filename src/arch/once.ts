// Owns the one way this layer computes something at first use: a pure maker runs once, its result is never changed afterwards.

/** A function that calls `make` on its first call and returns that same value ever after. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
