import { expect, test } from 'vitest'
import { exitName, mpStateName, mpStateValue } from '../../src/arch/exits.ts'
import {
  BITMAP_BITS,
  bitmapNames,
  functionName,
  functionsGatedBy,
  KVM_VENDOR_UID,
  SMCCC_FUNCTIONS,
  showWorkaround,
  smcccOwner,
  VENDOR_HYP_BMAP_ID,
  WORKAROUND_IDS,
  WORKAROUND_LEVELS,
  workaroundLevel,
} from '../../src/arch/smccc.ts'
import { recordings, withoutRecordings } from './recordings.ts'

test('functions have the owner that their number says', () => {
  for (const row of SMCCC_FUNCTIONS) expect(smcccOwner(row.id)).toBe(row.owner)
  expect(smcccOwner(0x8400_0000)).toBe('standard')
  expect(smcccOwner(0xc600_0002)).toBe('vendor-hyp')
  expect(smcccOwner(0xbf00_ff01)).toBe('trusted-os')
})

test('every function id has a name, known or spelled', () => {
  expect(functionName(0xc400_0015)).toBe('SYSTEM_OFF2 (SMC64)')
  expect(functionName(0x8400_0008)).toBe('SYSTEM_OFF')
  expect(functionName(0x95c1_ba60)).toBe('CPU_ON (PSCI 0.1)')
  expect(functionName(0x8600_0001)).toBe('KVM_PTP')
  expect(functionName(0x8400_0099)).toBe('0x84000099 (standard secure services)')
  expect(functionName(5)).toBe('0x00000005')
  expect(functionName(-0x3c00_0000 + 0x15)).toBe('SYSTEM_OFF2 (SMC64)') // the same number as a signed word
})

test('bitmaps name their bits', () => {
  expect(bitmapNames(VENDOR_HYP_BMAP_ID, 7n)).toEqual(['FUNC_FEAT', 'PTP', 'bit 2'])
  expect(functionsGatedBy(VENDOR_HYP_BMAP_ID, 0).map(row => row.name)).toEqual(['KVM_FEATURES', 'VENDOR_HYP_CALL_UID'])
})

test('mitigation levels print by name, with the enabled bit where it may be', () => {
  expect(showWorkaround(1, 2n)).toBe('NOT_REQUIRED')
  expect(showWorkaround(2, 0x12n)).toBe('AVAIL, enabled')
  expect(showWorkaround(2, 0x13n)).toBe('0x13')
  expect(showWorkaround(3, 7n)).toBe('0x7')
})

test('MP states and exits have names', () => {
  expect([0, 5, 10].map(mpStateName)).toEqual(['runnable', 'stopped', 'suspended'])
  expect(mpStateName(1)).toBeUndefined()
  expect(mpStateValue('suspended')).toBe(10)
  expect([exitName(24), exitName(99)]).toEqual(['SYSTEM_EVENT', 'exit 99'])
})

test.skipIf(withoutRecordings)('bitmap bits are exactly those that recorded kernels accept, with the recorded defaults', () => {
  let compared = 0
  for (const { fwwrite = [] } of recordings())
    for (const write of fwwrite) {
      const rows = BITMAP_BITS.filter(row => row.register === BigInt(write.reg))
      if (rows.length === 0) continue
      compared++
      const mask = (bits: typeof rows) => bits.reduce((sum, row) => sum | (1n << BigInt(row.bit)), 0n)
      if (write.phase === 'pre') expect(BigInt(write.bits_ok)).toBe(mask(rows))
      expect(BigInt(write.default)).toBe(mask(rows.filter(row => row.isDefault)))
    }
  expect(compared).toBeGreaterThan(100)
})

test.skipIf(withoutRecordings)('a mitigation level is accepted exactly when its rank is not above the host’s', () => {
  let compared = 0
  const faults: string[] = []
  for (const { version, fwwrite = [] } of recordings())
    for (const write of fwwrite) {
      const workaround = ([1, 2, 3] as const).find(n => WORKAROUND_IDS[n] === BigInt(write.reg))
      const host = workaround && workaroundLevel(workaround, BigInt(write.default))
      if (!workaround || !host) continue
      for (const [value, errno] of write.rows) {
        compared++
        const level = workaroundLevel(workaround, BigInt(value))
        const isAccepted = level !== undefined && level.rank <= host.rank
        if (isAccepted !== (errno === 0)) faults.push(`${version} WA${workaround} host ${write.default}: ${value} gave errno ${errno}`)
      }
    }
  expect(faults).toEqual([])
  expect(compared).toBeGreaterThan(1000)
})

test.skipIf(withoutRecordings)('SMCCC_ARCH_FEATURES tells the guest what the level says', () => {
  const functions = { 1: 0x8000_8000n, 2: 0x8000_7fffn, 3: 0x8000_3fffn } as const
  let compared = 0
  for (const { regs = [], psci = [] } of recordings()) {
    const values = new Map(regs.find(({ set }) => set === 'psci02')?.regs?.map(([id, value]) => [BigInt(id), value]) ?? [])
    for (const n of [1, 2, 3] as const) {
      const saved = values.get(WORKAROUND_IDS[n])
      const level = typeof saved === 'string' ? WORKAROUND_LEVELS[n].find(row => BigInt(row.value) === BigInt(saved)) : undefined
      if (!level) continue
      for (const { calls = [] } of psci)
        for (const call of calls)
          if (call.t === 'ARCHFEAT' && call.r !== undefined && call.pc === undefined && BigInt(call.in[1] ?? '0') === functions[n]) {
            compared++
            expect(Number(BigInt.asIntN(64, BigInt(call.r)))).toBe(level.guestSees)
          }
    }
  }
  expect(compared).toBeGreaterThan(50)
})

test.skipIf(withoutRecordings)('with a bit cleared its functions are not supported; with its default set they answer', () => {
  let refused = 0
  let answered = 0
  const isRefused = (r: string) => (BigInt(r) & 0xffff_ffffn) === 0xffff_ffffn
  for (const { version, fweffect = [] } of recordings())
    for (const effect of fweffect) {
      if (effect.set_errno !== 0) continue
      for (const call of effect.calls) {
        const fn = SMCCC_FUNCTIONS.find(row => row.id === Number(BigInt(call.in[0] ?? '0') & 0xffff_ffffn))
        const gate = fn?.gate
        if (!fn || !gate || call.r === undefined || gate.register !== BigInt(effect.reg)) continue
        const isOn = ((BigInt(effect.val) >> BigInt(gate.bit)) & 1n) === 1n
        const label = `${version} ${effect.reg}=${effect.val} ${fn.name}`
        if (!isOn) {
          expect(isRefused(call.r), label).toBe(true)
          refused++
        } else if (!fn.name.startsWith('PV_TIME') && !fn.name.startsWith('DISCOVER')) {
          // stolen time answers only once the VMM gave it an address, discovery only once the VMM takes the calls
          expect(isRefused(call.r), label).toBe(false)
          answered++
        }
      }
    }
  expect(refused).toBeGreaterThan(50)
  expect(answered).toBeGreaterThan(20)
})

test.skipIf(withoutRecordings)('the vendor UID is the one that recorded kernels return', () => {
  let compared = 0
  for (const { psci = [] } of recordings())
    for (const { calls = [] } of psci)
      for (const call of calls as readonly ((typeof calls)[number] & { readonly out123?: readonly string[] })[])
        if (call.t === 'VENDOR_UID' && call.out123 && call.r !== '0xffffffffffffffff') {
          compared++
          expect([call.r, ...call.out123].map(Number)).toEqual([...KVM_VENDOR_UID])
        }
  expect(compared).toBeGreaterThan(10)
})
