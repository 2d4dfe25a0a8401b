// Owns the two ends of a guest's console: what it prints goes to somebody, what somebody has for it waits until it is taken. Types, and the end at which
// nobody sits.

export interface ConsolePort {
  /** What the guest printed since the last call. */
  write(bytes: Uint8Array): Promise<void>
  /** What waits for the guest, oldest first, and that so much of it was taken. */
  waiting(): Uint8Array
  taken(count: number): void
  /** Whether more may come. */
  readonly isOpen: boolean
  /** Whether whoever sits there wants to leave. */
  readonly wantsToLeave: boolean
  /** Until something happens at this end, or so many milliseconds have passed. */
  wait(milliseconds: number): Promise<void>
}

const NOTHING = new Uint8Array(0)

/** Nobody types; what is printed is dropped. */
export const NOBODY: ConsolePort = {
  write: async () => {},
  waiting: () => NOTHING,
  taken: () => {},
  isOpen: false,
  wantsToLeave: false,
  wait: () => new Promise(resolve => setImmediate(resolve)),
}
