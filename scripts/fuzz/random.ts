// Owns the random numbers of the fuzzers: the same for the same start, so that every case can be made again.

/** xorshift32: whole numbers below 2^32, from a start of which the low 32 bits count; 0 stands for 1. */
export function generator(start: number): () => number {
  let state = start | 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}
