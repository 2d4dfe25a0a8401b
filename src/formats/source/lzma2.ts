// Owns the decoding of LZMA2 chunks: range coder, LZMA symbols, dictionary. Knows no container (xz.ts).
// Source: the .xz file format 1.2.1 and "LZMA specification" of the LZMA SDK.

/** Data that is not LZMA2. xz.ts says where. */
export class Lzma2Error extends Error {}

const PROB_INIT = 1024
const MATCH_MIN = 2
const REPS = 4

/** Tables of one literal/length context. */
const probabilities = (count: number): Uint16Array => new Uint16Array(count).fill(PROB_INIT)

/** choice, choice2, 16 × 8 low, 16 × 8 mid, 256 high */
const LENGTH_MID = 2 + 16 * 8
const LENGTH_HIGH = LENGTH_MID + 16 * 8
const LENGTH_PROBS = LENGTH_HIGH + 256

export class Lzma2Decoder {
  readonly #dictionary: Uint8Array
  /** Where the next byte goes, and how many bytes behind it are known. */
  #at = 0
  #filled = 0
  /** Bytes since the dictionary was reset. */
  #position = 0
  #needsReset = true
  #needsProperties = true

  #lc = 0
  #lpMask = 0
  #pbMask = 0
  #state = 0
  readonly #reps = [0, 0, 0, 0]
  #literals: Uint16Array = new Uint16Array(0)
  readonly #isMatch = probabilities(12 << 4)
  readonly #isRep = probabilities(12)
  readonly #isRepG0 = probabilities(12)
  readonly #isRepG1 = probabilities(12)
  readonly #isRepG2 = probabilities(12)
  readonly #isRep0Long = probabilities(12 << 4)
  readonly #slots = probabilities(4 << 6)
  readonly #special = probabilities(128)
  readonly #align = probabilities(16)
  readonly #lengths = probabilities(LENGTH_PROBS)
  readonly #repLengths = probabilities(LENGTH_PROBS)

  #input: Uint8Array = new Uint8Array(0)
  #next = 0
  #range = 0
  #code = 0

  /** `size` of the dictionary in bytes; at least 4 KiB. */
  constructor(size: number) {
    this.#dictionary = new Uint8Array(size)
  }

  /** Begins a new block: nothing of the one before is known. */
  reset(): void {
    this.#filled = 0
    this.#needsReset = true
    this.#needsProperties = true
  }

  /** A chunk of bytes as they are. */
  copy(control: number, bytes: Uint8Array, out: Uint8Array): void {
    if (control === 1) this.#resetDictionary()
    else if (this.#needsReset) throw new Lzma2Error('the first chunk does not reset the dictionary')
    for (const byte of bytes) this.#put(byte)
    this.#position += bytes.length
    out.set(bytes)
  }

  /** A compressed chunk: `control` and `properties` as the stream has them; fills `out`. */
  decode(control: number, properties: number | undefined, input: Uint8Array, out: Uint8Array): void {
    if (control >= 0xe0) this.#resetDictionary()
    else if (this.#needsReset) throw new Lzma2Error('the first chunk does not reset the dictionary')
    if (properties !== undefined) this.#setProperties(properties)
    else if (this.#needsProperties) throw new Lzma2Error('the first chunk has no properties')
    if (control >= 0xa0) this.#resetState()
    if (input.length < 5 || input[0] !== 0) throw new Lzma2Error('a chunk that is no range code')
    this.#input = input
    this.#next = 5
    this.#range = 0xffff_ffff
    this.#code = (((input[1] ?? 0) << 24) | ((input[2] ?? 0) << 16) | ((input[3] ?? 0) << 8) | (input[4] ?? 0)) >>> 0
    this.#symbols(out)
    if (this.#range < 0x100_0000) this.#normalize()
    if (this.#code !== 0 || this.#next !== input.length) throw new Lzma2Error('a chunk does not end where it says')
  }

  #resetDictionary(): void {
    this.#filled = 0
    this.#position = 0
    this.#needsReset = false
  }

  #setProperties(value: number): void {
    if (value >= 9 * 5 * 5) throw new Lzma2Error('properties out of range')
    const lc = value % 9
    const lp = Math.floor(value / 9) % 5
    if (lc + lp > 4) throw new Lzma2Error('properties out of range')
    this.#lc = lc
    this.#lpMask = (1 << lp) - 1
    this.#pbMask = (1 << Math.floor(value / 45)) - 1
    this.#literals = probabilities(0x300 << (lc + lp))
    this.#needsProperties = false
  }

  #resetState(): void {
    this.#state = 0
    this.#reps.fill(0)
    for (const table of [this.#literals, this.#isMatch, this.#isRep, this.#isRepG0, this.#isRepG1, this.#isRepG2, this.#isRep0Long]) table.fill(PROB_INIT)
    for (const table of [this.#slots, this.#special, this.#align, this.#lengths, this.#repLengths]) table.fill(PROB_INIT)
  }

  #put(byte: number): void {
    this.#dictionary[this.#at] = byte
    this.#at = this.#at + 1 === this.#dictionary.length ? 0 : this.#at + 1
    if (this.#filled < this.#dictionary.length) this.#filled++
  }

  /** The byte `distance` + 1 back. */
  #back(distance: number): number {
    const at = this.#at - distance - 1
    return this.#dictionary[at < 0 ? at + this.#dictionary.length : at] as number
  }

  #symbols(out: Uint8Array): void {
    const reps = this.#reps as [number, number, number, number]
    for (let done = 0; done < out.length; ) {
      const position = this.#position & this.#pbMask
      const state = this.#state
      if (this.#bit(this.#isMatch, (state << 4) + position) === 0) {
        const byte = this.#literal(state, reps[0])
        this.#put(byte)
        this.#position++
        out[done++] = byte
        this.#state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6
        continue
      }
      let length: number
      if (this.#bit(this.#isRep, state) === 0) {
        reps[3] = reps[2]
        reps[2] = reps[1]
        reps[1] = reps[0]
        length = this.#length(this.#lengths, position)
        this.#state = state < 7 ? 7 : 10
        reps[0] = this.#distance(length)
      } else {
        if (this.#filled === 0) throw new Lzma2Error('a repetition of nothing')
        if (this.#bit(this.#isRepG0, state) === 0) {
          if (this.#bit(this.#isRep0Long, (state << 4) + position) === 0) {
            this.#state = state < 7 ? 9 : 11
            if (reps[0] >= this.#filled) throw new Lzma2Error('a distance beyond the dictionary')
            const byte = this.#back(reps[0])
            this.#put(byte)
            this.#position++
            out[done++] = byte
            continue
          }
        } else if (this.#bit(this.#isRepG1, state) === 0) {
          const distance = reps[1]
          reps[1] = reps[0]
          reps[0] = distance
        } else {
          const which = this.#bit(this.#isRepG2, state) === 0 ? 2 : 3
          const distance = reps[which]
          if (which === REPS - 1) reps[3] = reps[2]
          reps[2] = reps[1]
          reps[1] = reps[0]
          reps[0] = distance
        }
        length = this.#length(this.#repLengths, position)
        this.#state = state < 7 ? 8 : 11
      }
      if (reps[0] >= this.#filled) throw new Lzma2Error('a distance beyond the dictionary')
      if (length > out.length - done) throw new Lzma2Error('a match beyond its chunk')
      done = this.#repeat(reps[0], length, out, done)
      this.#position += length
    }
  }

  /** Copies `length` bytes from `distance` + 1 back, byte by byte: they may overlap. */
  #repeat(distance: number, length: number, out: Uint8Array, done: number): number {
    const dictionary = this.#dictionary
    const size = dictionary.length
    let to = this.#at
    let from = to - distance - 1
    if (from < 0) from += size
    for (let i = 0; i < length; i++) {
      const byte = dictionary[from] as number
      dictionary[to] = byte
      out[done + i] = byte
      if (++from === size) from = 0
      if (++to === size) to = 0
    }
    this.#at = to
    this.#filled = Math.min(size, this.#filled + length)
    return done + length
  }

  #literal(state: number, rep0: number): number {
    const previous = this.#filled > 0 ? this.#back(0) : 0
    const base = 0x300 * (((this.#position & this.#lpMask) << this.#lc) + (previous >>> (8 - this.#lc)))
    const table = this.#literals
    let symbol = 1
    if (state >= 7) {
      if (rep0 >= this.#filled) throw new Lzma2Error('a distance beyond the dictionary')
      let match = this.#back(rep0)
      while (symbol < 0x100) {
        const matchBit = (match >> 7) & 1
        match <<= 1
        const bit = this.#bit(table, base + ((1 + matchBit) << 8) + symbol)
        symbol = (symbol << 1) | bit
        if (matchBit !== bit) break
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | this.#bit(table, base + symbol)
    return symbol & 0xff
  }

  #length(table: Uint16Array, position: number): number {
    if (this.#bit(table, 0) === 0) return MATCH_MIN + this.#tree(table, 2 + (position << 3), 3)
    if (this.#bit(table, 1) === 0) return MATCH_MIN + 8 + this.#tree(table, LENGTH_MID + (position << 3), 3)
    return MATCH_MIN + 16 + this.#tree(table, LENGTH_HIGH, 8)
  }

  #distance(length: number): number {
    const slot = this.#tree(this.#slots, Math.min(length - MATCH_MIN, 3) << 6, 6)
    if (slot < 4) return slot
    const bits = (slot >> 1) - 1
    const base = (2 | (slot & 1)) * 2 ** bits
    if (slot < 14) return base + this.#reverse(this.#special, base - slot, bits)
    const distance = base + this.#direct(bits - 4) * 16 + this.#reverse(this.#align, 0, 4)
    if (distance === 0xffff_ffff) throw new Lzma2Error('an end mark inside a chunk')
    return distance
  }

  #tree(table: Uint16Array, base: number, bits: number): number {
    let symbol = 1
    for (let i = 0; i < bits; i++) symbol = (symbol << 1) | this.#bit(table, base + symbol)
    return symbol - (1 << bits)
  }

  #reverse(table: Uint16Array, base: number, bits: number): number {
    let symbol = 1
    let value = 0
    for (let i = 0; i < bits; i++) {
      const bit = this.#bit(table, base + symbol)
      symbol = (symbol << 1) | bit
      value |= bit << i
    }
    return value
  }

  #direct(bits: number): number {
    let value = 0
    for (let i = 0; i < bits; i++) {
      if (this.#range < 0x100_0000) this.#normalize()
      this.#range >>>= 1
      const bit = this.#code >= this.#range ? 1 : 0
      if (bit) this.#code -= this.#range
      value = value * 2 + bit
    }
    return value
  }

  #normalize(): void {
    if (this.#next >= this.#input.length) throw new Lzma2Error('a chunk ends too early')
    this.#range = (this.#range << 8) >>> 0
    this.#code = ((this.#code << 8) | (this.#input[this.#next++] as number)) >>> 0
  }

  #bit(table: Uint16Array, index: number): number {
    if (this.#range < 0x100_0000) this.#normalize()
    const probability = table[index] as number
    const bound = (this.#range >>> 11) * probability
    if (this.#code < bound) {
      this.#range = bound
      table[index] = probability + ((2048 - probability) >> 5)
      return 0
    }
    this.#range -= bound
    this.#code -= bound
    table[index] = probability - (probability >> 5)
    return 1
  }
}
