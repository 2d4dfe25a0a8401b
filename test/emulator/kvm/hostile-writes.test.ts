// Whatever ids and values a snapshot holds, the register interface answers with an errno of KVM's and a refused write changes nothing.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ERRNO } from '../../../src/arch/errno.ts'
import { listBuilds } from '../../../src/builds/load.ts'
import type { Vcpu } from '../../../src/emulator/kvm/vcpu.ts'
import { freshVm } from './fresh-vm.ts'

const POSSIBLE: readonly number[] = [0, ERRNO.ENOENT, ERRNO.EINVAL, ERRNO.EBUSY, ERRNO.EPERM]
const anyBuild = fc.constantFrom(...listBuilds().map(build => build.name))
const everything = (vcpu: Vcpu): string => {
  const { ids } = vcpu.regList()
  return Buffer.from(vcpu.getRegs(ids).bytes).toString('base64')
}
/** Ids near real ones: a listed one, with a bit flipped now and then; or anything. */
const anyId = (ids: BigUint64Array): fc.Arbitrary<bigint> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...ids) },
    { weight: 2, arbitrary: fc.tuple(fc.constantFrom(...ids), fc.integer({ min: 0, max: 63 })).map(([id, bit]) => id ^ (1n << BigInt(bit))) },
    { weight: 1, arbitrary: fc.bigInt(0n, 0xffff_ffff_ffff_ffffn) },
  )

test('random ids and values', () => {
  fc.assert(
    fc.property(anyBuild, fc.boolean(), fc.infiniteStream(fc.bigInt(0n, 0xffff_ffff_ffff_ffffn)), fc.nat(), (name, ran, values, seed) => {
      const { vcpus } = freshVm(name, ['psci_0_2'], { n: 2, gic: 'v3' })
      const [vcpu, other] = vcpus as [Vcpu, Vcpu]
      if (ran) other.enterRun()
      const ids = fc.sample(anyId(vcpu.regList().ids), { seed, numRuns: 40 })
      for (const id of ids) {
        const size = 1 << Number((id >> 52n) & 15n)
        const bytes = new Uint8Array(size)
        const word = values.next().value!
        for (let i = 0; i < size; i++) bytes[i] = Number((word >> BigInt(8 * (i % 8))) & 0xffn)
        const before = everything(vcpu) + everything(other)
        const errno = vcpu.setReg(id, bytes)
        expect(POSSIBLE).toContain(errno)
        if (errno !== 0) expect(everything(vcpu) + everything(other)).toBe(before)
        expect(POSSIBLE).toContain(vcpu.getReg(id, new Uint8Array(size)))
      }
    }),
    { numRuns: 60, seed: 11 },
  )
})
