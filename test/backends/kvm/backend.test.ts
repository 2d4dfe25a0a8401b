// What the comfortable form makes of a host, over hosts that are not as usual.
import { expect, test } from 'vitest'
import type { Backend } from '../../../src/backends/backend.ts'
import { emulatedAbi } from '../../../src/backends/emulated-abi.ts'
import { kvmBackend } from '../../../src/backends/kvm/backend.ts'
import { type AbiExit, type AbiHost, type AbiVcpu, type AbiVm, LARGEST_MEMORY } from '../../../src/backends/kvm-abi.ts'
import { loadBuild } from '../../../src/builds/load.ts'

const IPA_SIZE = 165
const RAM = { start: 0x4000_0000n, size: 0x1_0000 }

/** An emulated host, with some of it replaced; `made` collects its VMs. */
function host(change: Partial<AbiHost> = {}, changeVm: Partial<AbiVm> = {}, changeVcpu: Partial<AbiVcpu> = {}) {
  const real = emulatedAbi(loadBuild('linux-6.12'))
  const seen = { bits: [] as (number | undefined)[], closed: 0, memory: [] as (readonly [bigint, number])[] }
  const backend: Backend = kvmBackend({
    ...real,
    createVm(bits) {
      seen.bits.push(bits)
      const vm = real.createVm()
      const changed: AbiVm = {
        ...bound(vm),
        addMemory(start, size) {
          seen.memory.push([start, size])
          return size > 1 << 20 ? new Uint8Array(1) : vm.addMemory(start, size)
        },
        createVcpu: index => ({ ...bound(vm.createVcpu(index)), ...changeVcpu }),
        close: () => void seen.closed++,
        ...changeVm,
      }
      return changed
    },
    ...change,
  })
  return { backend, seen }
}
/** An object with an instance's methods as its own. */
function bound<T extends object>(instance: T): T {
  const methods = Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(instance) as object)).filter(
    ([, { value }]) => typeof value === 'function',
  )
  return Object.fromEntries([...Object.entries(instance), ...methods.map(([name, { value }]) => [name, (value as () => unknown).bind(instance)])]) as T
}
const limit = (bits: number): Partial<AbiHost> => ({ checkExtension: capability => (capability === IPA_SIZE ? bits : 0) })

test.each([
  [48, RAM, undefined],
  [36, RAM, 36],
  [0, RAM, undefined],
  [48, { start: 1n << 40n, size: 4096 }, 41],
  [48, { start: (1n << 40n) - 4096n, size: 4096 }, undefined],
  [52, { start: (1n << 52n) - 4096n, size: 4096 }, 52],
] as const)('on a host of %i address bits, memory decides what is asked for', async (bits, memory, asked) => {
  const { backend, seen } = host(limit(bits))
  await backend.createVm({ gic: 'none', memory: [memory] })
  expect(seen.bits).toEqual([asked])
})

test('memory that the host does not reach is refused before anything is made, with the numbers', async () => {
  const { backend, seen } = host(limit(40))
  await expect(backend.createVm({ gic: 'none', memory: [{ start: 1n << 40n, size: 4096 }] })).rejects.toMatchObject({
    code: 'KERNEL_REFUSED',
    message: expect.stringMatching(/^guest memory up to 0x10000000fff needs 41 address bits, and linux-6\.12\S* offers 40$/),
  })
  expect(seen.bits).toEqual([])
})

test('a VM that cannot be finished is closed', async () => {
  const refused = host({}, { enableCapability: () => 22 })
  await expect(refused.backend.createVm({ gic: 'none', systemSuspend: true })).rejects.toMatchObject({ code: 'KERNEL_REFUSED' })
  expect(refused.seen.closed).toBe(1)
})

test('large memory comes in pieces that Node can show', async () => {
  const { backend, seen } = host()
  const size = 2.5 * LARGEST_MEMORY
  const vm = await backend.createVm({ gic: 'none', memory: [{ start: 0x4000_0000n, size }] })
  expect(seen.memory).toEqual([
    [0x4000_0000n, LARGEST_MEMORY],
    [0x4000_0000n + BigInt(LARGEST_MEMORY), LARGEST_MEMORY],
    [0x4000_0000n + 2n * BigInt(LARGEST_MEMORY), LARGEST_MEMORY / 2],
  ])
  await vm.close()
})

test('after close there is no memory to read', async () => {
  const backend = kvmBackend(emulatedAbi(loadBuild('linux-6.12')))
  const vm = await backend.createVm({ gic: 'none', memory: [RAM] })
  await vm.writeMemory(RAM.start, Uint8Array.of(1))
  const [region] = vm.memory()
  expect([...(region!.chunks() as Iterable<{ offset: number }>)].map(({ offset }) => offset)).toEqual([0])
  await vm.close()
  await vm.close()
  await expect(vm.readMemory(RAM.start, 1)).rejects.toMatchObject({ code: 'USAGE' })
  expect(() => [...(region!.chunks() as Iterable<unknown>)]).toThrow('after the VM was closed')
})

/** A vCPU whose runs come back with these, one after the other. */
const runs = (exits: readonly AbiExit[]): Partial<AbiVcpu> & { readonly count: () => number } => {
  let at = 0
  return { run: () => exits[Math.min(at++, exits.length - 1)]!, count: () => at }
}
const EINTR = { errno: 4, reason: 10 }

test('a signal for somebody else does not end a run, one for us does', async () => {
  const vcpu = runs([{ ...EINTR, interrupted: true }, { ...EINTR, interrupted: true }, EINTR])
  const vm = await host({}, {}, vcpu).backend.createVm({ gic: 'none' })
  const made = await vm.createVcpu(0)
  await made.init(['psci_0_2'])
  expect(await made.run({ milliseconds: 10_000 })).toEqual({ kind: 'budget' })
  expect(vcpu.count()).toBe(3)
  const abort = new AbortController()
  const again = runs([{ ...EINTR, interrupted: true }])
  const other = await (await host({}, {}, again).backend.createVm({ gic: 'none' })).createVcpu(0)
  setImmediate(() => abort.abort())
  await expect(other.run({ milliseconds: 10_000, signal: abort.signal })).rejects.toMatchObject({ name: 'AbortError' })
})

test('when no vCPU is on, a run of all ends at once and says so', async () => {
  const vm = await kvmBackend(emulatedAbi(loadBuild('linux-6.12'))).createVm({ gic: 'none' })
  const vcpu = await vm.createVcpu(0)
  await vcpu.init(['psci_0_2', 'power_off'])
  const started = performance.now()
  expect(await vm.runAll(5000)).toEqual({ kind: 'idle' })
  expect(performance.now() - started).toBeLessThan(1000)
  expect(vm.ran).toBe(false)
})

test('a console that is written to when time is over has the store behind it', async () => {
  const store: AbiExit = { errno: 0, reason: 6, mmio: { address: 0x0900_0000n, size: 1, write: true, data: 0x41n } }
  let completed = 0
  const slow = {
    run: () => {
      const end = performance.now() + 30
      while (performance.now() < end);
      return store
    },
    completeExit: () => {
      completed++
      return 0
    },
  }
  const { backend } = host({}, {}, slow)
  const vm = await (backend as ReturnType<typeof kvmBackend>).createVm({ gic: 'none', board: true })
  const vcpu = await vm.createVcpu(0)
  expect(await vcpu.run({ milliseconds: 10 })).toEqual({ kind: 'budget' })
  expect([completed, vm.console()]).toEqual([1, 'A'])
})
