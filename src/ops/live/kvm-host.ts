// Owns a KVM host as a place where guests live: who it is, its VMs with memory in pieces that a typed array can show, time instead of instructions.
// Works over any AbiHost; only backend-choice.ts opens /dev/kvm.
import { featureMask } from '../../arch/features.ts'
import { cpuName } from '../../arch/midr.ts'
import { sysRegId } from '../../arch/reg-id.ts'
import { type KvmVm, kvmBackend } from '../../backends/kvm/backend.ts'
import { type AbiHost, getAbi64 } from '../../backends/kvm-abi.ts'
import type { MemoryChunk, MemoryRegion } from '../../model/snapshot.ts'
import { VERSION } from '../../version.ts'
import type { LiveHost, LiveVm, LiveVmOptions } from './live-host.ts'

const MIDR_EL1 = sysRegId(3, 0, 0, 0, 0)
/** Larger memory is mapped in several pieces: a typed array of Node 20 ends at 4 GiB. */
const PIECE = 1 << 30

export interface HostIdentity {
  /** `host linux-6.12.117+deb13-arm64`. */
  readonly name: string
  /** `uname -r`. */
  readonly kernel: string
  /** By MIDR_EL1; `MIDR_EL1 0x…` for a part that has no name here. */
  readonly cpu: string
}

/** Makes a vCPU to ask it; a host that makes none is one of an unknown CPU. */
export function identify(host: AbiHost): HostIdentity {
  const vm = host.createVm()
  try {
    const vcpu = vm.createVcpu(0)
    const midr = vcpu.init([featureMask(['psci_0_2'])]) === 0 ? getAbi64(vcpu, MIDR_EL1) : undefined
    const cpu = midr === undefined ? 'unknown' : (cpuName(midr) ?? `MIDR_EL1 0x${midr.toString(16)}`)
    const kernel = host.description
    return { name: `host ${kernel.startsWith('linux-') ? '' : 'linux-'}${kernel}`, kernel, cpu }
  } finally {
    vm.close()
  }
}

/** `close` closes `host` too. */
export function kvmHost(host: AbiHost): LiveHost {
  const { name, kernel, cpu } = identify(host)
  const backend = kvmBackend(host)
  return {
    kind: 'kvm',
    name,
    target: { build: name, kernel, cpu },
    origin: { kernel, cpu, tool: `psci-snap ${VERSION}` },
    defaultPsci: () => undefined, // known as soon as a vCPU is made, and not before
    createVm: async options => liveVm(await backend.createVm({ ...options, memory: inPieces(options.memory ?? []) }), options),
    close: () => host.close(),
  }
}

type Range = NonNullable<LiveVmOptions['memory']>[number]

/** Pieces of at most PIECE bytes, in order. */
function inPieces(memory: readonly Range[]): Range[] {
  return memory.flatMap(({ start, size }) =>
    Array.from({ length: Math.ceil(size / PIECE) }, (_, n) => ({ start: start + BigInt(n * PIECE), size: Math.min(PIECE, size - n * PIECE) })),
  )
}

function liveVm(vm: KvmVm, options: LiveVmOptions): LiveVm {
  const memory = options.memory ?? []
  let spent = 0
  const made: Awaited<ReturnType<KvmVm['createVcpu']>>[] = []
  return {
    unit: 'milliseconds',
    get spent() {
      return Math.round(spent)
    },
    get ran() {
      return vm.ran
    },
    async createVcpu(index) {
      const vcpu = await vm.createVcpu(index)
      made.push(vcpu)
      return vcpu
    },
    finishSetup: () => vm.finishSetup(),
    setSmcccFilter: range => vm.setSmcccFilter(range),
    setCounterOffset: offset => vm.setCounterOffset(offset),
    checkExtension: capability => vm.checkExtension(capability),
    async writeMemory(address, bytes) {
      for (const { at, from, to } of within(memory, address, bytes.length)) await vm.writeMemory(at, bytes.subarray(from, to))
    },
    async readMemory(address, length) {
      const bytes = new Uint8Array(length)
      for (const { at, from, to } of within(memory, address, length)) bytes.set(await vm.readMemory(at, to - from), from)
      return bytes
    },
    async runFor(share, signal) {
      const start = performance.now()
      try {
        const stop = await vm.runAll(share, signal)
        if (stop.kind === 'exit') return stop.exit.kind === 'blocked' ? { kind: 'idle' } : { ...stop, exit: stop.exit }
        for (const vcpu of made) if ((await vcpu.getMpState()) === 'runnable') return { kind: 'over' }
        return { kind: 'idle' }
      } finally {
        spent += performance.now() - start
      }
    },
    console: () => vm.console(),
    devices: () => vm.devices(),
    memory: () => asGiven(memory, vm.memory()),
    machineState: () => undefined,
    close: () => vm.close(),
  }
}

/** A range of guest memory as parts that no boundary between pieces cuts. Outside memory it is one part, which the VM turns down. */
function within(memory: readonly Range[], address: bigint, length: number): { readonly at: bigint; readonly from: number; readonly to: number }[] {
  const start = memory.find(region => address >= region.start && address < region.start + BigInt(region.size))?.start ?? address
  const parts: { at: bigint; from: number; to: number }[] = []
  for (let from = 0; from < length; ) {
    const at = address + BigInt(from)
    const to = Math.min(length, from + PIECE - (Number(at - start) % PIECE))
    parts.push({ at, from, to })
    from = to
  }
  return parts
}

/** The pieces as the regions that were asked for. */
function asGiven(memory: readonly Range[], pieces: readonly MemoryRegion[]): readonly MemoryRegion[] {
  let next = 0
  return memory.map(({ start, size }, i) => {
    const own = pieces.slice(next, (next += Math.ceil(size / PIECE)))
    return {
      name: i === 0 ? 'ram' : `ram${i}`,
      start,
      size,
      async *chunks(signal, range): AsyncGenerator<MemoryChunk> {
        for (const piece of own) {
          const base = Number(piece.start - start)
          if (range && (base >= range.to || base + piece.size <= range.from)) continue
          for await (const { offset, data } of piece.chunks(signal)) {
            signal?.throwIfAborted()
            yield { offset: base + offset, data }
          }
        }
      },
    }
  })
}
