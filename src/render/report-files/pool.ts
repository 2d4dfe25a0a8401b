// Owns texts that many places of one page share: each is kept once, by its content, and referred to by an id. Holds no more than its limits.

export interface Pooled {
  readonly id: string
  readonly head: string
  readonly text: string
  /** How often it was put. */
  uses: number
}

export class Pool {
  readonly #prefix: string
  readonly #most: number
  readonly #mostUnits: number
  readonly #known = new Map<string, Pooled>()
  readonly #byId = new Map<string, Pooled>()
  #units = 0
  /** Texts that found no room. */
  left = 0

  /** Ids are the prefix and a number. `mostUnits`: UTF-16 code units of all texts together. */
  constructor(prefix: string, most: number, mostUnits: number) {
    this.#prefix = prefix
    this.#most = most
    this.#mostUnits = mostUnits
  }

  /** The id of a text under its heading; undefined when it is new and there is no room. A third more room is kept for what is `often` needed. */
  put(text: string, head = '', often = false): string | undefined {
    const key = `${head}\n${text}`
    const known = this.#known.get(key)
    if (known) {
      known.uses++
      return known.id
    }
    const room = often ? 4 / 3 : 1
    if (this.#known.size >= this.#most * room || this.#units + key.length > this.#mostUnits * room) {
      this.left++
      return undefined
    }
    const id = `${this.#prefix}${this.#known.size}`
    const pooled = { id, head, text, uses: 1 }
    this.#known.set(key, pooled)
    this.#byId.set(id, pooled)
    this.#units += key.length
    return id
  }

  /** Counts one more use of what is there; gives the id back. */
  again(id: string): string {
    const known = this.#byId.get(id)
    if (known) known.uses++
    return id
  }

  /** In the order in which they were first put. */
  all(): readonly Pooled[] {
    return [...this.#known.values()]
  }
}
