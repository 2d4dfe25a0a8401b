// Owns the payload: a few position-independent instructions that ask firmware questions in a clone of a replayed VM whose own memory is not there.
import { fromBase64 } from './probe.ts'

export interface PayloadQuestion {
  readonly functionId: number
  readonly argument?: number
}
export interface PayloadAnswer extends PayloadQuestion {
  /** X0 … X3. */
  readonly results: readonly bigint[]
}
export interface Payload {
  /** To be put anywhere, at a multiple of 8; the entry point is its first byte. */
  readonly image: Uint8Array
  /** Offset of the instruction that it loops on when it has asked everything. */
  readonly done: number
  readonly questions: readonly PayloadQuestion[]
}

const ROW = 0x30
/** `b .` */
const BRANCH_TO_SELF = 0x1400_0000

/** Code and questions in one piece. The vCPU must be at EL1 in AArch64 with the MMU off. */
export async function payload(questions: readonly PayloadQuestion[]): Promise<Payload> {
  const { PAYLOAD_BASE64 } = await import('./images.ts')
  const code = fromBase64(PAYLOAD_BASE64)
  const image = new Uint8Array(code.length + (questions.length + 1) * ROW)
  image.set(code)
  const view = new DataView(image.buffer)
  questions.forEach((question, n) => {
    view.setBigUint64(code.length + n * ROW, BigInt(question.functionId), true)
    view.setBigUint64(code.length + n * ROW + 8, BigInt(question.argument ?? 0), true)
  })
  let done = 0
  while (view.getUint32(done, true) !== BRANCH_TO_SELF) done += 4
  return { image, done, questions }
}

/** What it heard: `memory` is the payload's image read back from the guest. */
export function payloadAnswers({ image, questions }: Payload, memory: Uint8Array): readonly PayloadAnswer[] {
  const code = image.length - (questions.length + 1) * ROW
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength)
  return questions.map((question, n) => ({
    ...question,
    results: [0, 1, 2, 3].map(register => view.getBigUint64(code + n * ROW + 0x10 + register * 8, true)),
  }))
}
