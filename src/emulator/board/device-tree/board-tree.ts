// Owns the device tree of the board: what a kernel is told about memory, vCPUs, firmware, interrupt controller and devices. Addresses and bindings as on
// the `virt` boards that VMMs offer. Sources: Linux Documentation/devicetree/bindings. Knows no guest.
import { PSCI_01_FUNCTIONS, PSCI_FUNCTIONS } from '../../../arch/psci.ts'
import type { Gic } from '../../../model/snapshot.ts'
import { GIC, RAM_BASE, RTC_BASE, SPI, UART_BASE, VIRTIO_BASE, VIRTIO_STRIDE } from '../memory-map.ts'
import { type FdtTree, type FdtValue, writeFdt } from './fdt-writer.ts'

export interface BoardTreeOptions {
  /** Bytes of RAM. */
  readonly memory: number
  /** MPIDR_EL1's affinity fields of every vCPU, in index order. */
  readonly affinities: readonly bigint[]
  /** `cortex-a72`; a name that is no part of Arm's is described as an Armv8 CPU. */
  readonly cpu: string
  /** KVM_REG_ARM_PSCI_VERSION, minor version in the low 16 bits: PSCI 0.1 is 1. */
  readonly psci: bigint
  readonly gic: Gic
  /** An ITS, beside a GICv3. */
  readonly its?: boolean
  readonly pmu?: boolean
  /** virtio-mmio transports, from slot 0 on. */
  readonly virtio: number
  readonly bootargs?: string
  /** Where an initramfs lies. */
  readonly initrd?: { readonly start: bigint; readonly end: bigint }
  /** Randomness for the kernel: where it puts itself, and what it begins its generator with. */
  readonly rngSeed?: Uint8Array
  readonly kaslrSeed?: bigint
}

const PHANDLE = { gic: 1, clock: 2, its: 3 } as const
const CELL = { spi: 0, ppi: 1, level: 4 } as const
/** Private peripheral interrupts: secure and non-secure physical timer, virtual timer, hypervisor's timer; the PMU. */
const TIMER_PPIS = [13, 14, 11, 10] as const
const PMU_PPI = 7
const CLOCK_HZ = 24_000_000
const PSCI_1_0 = 0x1_0000n
const PSCI_0_2 = 2n

/** The flattened tree. */
export const boardTree = (options: BoardTreeOptions): Uint8Array => writeFdt(tree(options))

function tree(options: BoardTreeOptions): FdtTree {
  const { memory, gic, virtio, pmu, affinities } = options
  const hasGic = gic !== 'none'
  const ppi = (number: number): readonly number[] => [CELL.ppi, number, CELL.level | (gic === 'v2' ? ((1 << affinities.length) - 1) << 8 : 0)]
  return {
    name: '',
    properties: {
      'interrupt-parent': hasGic ? [PHANDLE.gic] : undefined,
      'dma-coherent': true,
      model: 'linux,dummy-virt',
      '#size-cells': [2],
      '#address-cells': [2],
      compatible: 'linux,dummy-virt',
    },
    children: [
      psciNode(options.psci),
      { name: `memory@${RAM_BASE.toString(16)}`, properties: { reg: [RAM_BASE, BigInt(memory)], device_type: 'memory' } },
      ...Array.from({ length: virtio }, (_, slot) =>
        device('virtio_mmio', VIRTIO_BASE + BigInt(slot) * VIRTIO_STRIDE, VIRTIO_STRIDE, 'virtio,mmio', hasGic, SPI.virtio + slot),
      ),
      primecell('pl031', RTC_BASE, hasGic, SPI.rtc, ['apb_pclk']),
      primecell('pl011', UART_BASE, hasGic, SPI.uart, ['uartclk', 'apb_pclk']),
      ...(hasGic && pmu ? [{ name: 'pmu', properties: { interrupts: ppi(PMU_PPI), compatible: 'arm,armv8-pmuv3' } }] : []),
      ...(hasGic ? [gicNode(gic, options.its ?? false)] : []),
      cpusNode(options),
      {
        name: 'timer',
        properties: { interrupts: hasGic ? TIMER_PPIS.flatMap(ppi) : undefined, 'always-on': true, compatible: ['arm,armv8-timer', 'arm,armv7-timer'] },
      },
      {
        name: 'apb-pclk',
        properties: {
          phandle: [PHANDLE.clock],
          'clock-output-names': 'clk24mhz',
          'clock-frequency': [CLOCK_HZ],
          '#clock-cells': [0],
          compatible: 'fixed-clock',
        },
      },
      chosenNode(options),
    ],
  }
}

function device(name: string, base: bigint, size: bigint, compatible: FdtValue, hasGic: boolean, spi: number, more: FdtTree['properties'] = {}): FdtTree {
  return {
    name: `${name}@${base.toString(16)}`,
    properties: { ...more, interrupts: hasGic ? [CELL.spi, spi, CELL.level] : undefined, reg: [base, size], compatible },
  }
}

const primecell = (name: string, base: bigint, hasGic: boolean, spi: number, clocks: readonly string[]): FdtTree =>
  device(name, base, 0x1000n, [`arm,${name}`, 'arm,primecell'], hasGic, spi, { 'clock-names': clocks, clocks: clocks.map(() => PHANDLE.clock) })

/** By the version that the guest will be told. PSCI 0.1 has no fixed function ids, so the tree names them. */
function psciNode(version: bigint): FdtTree {
  const later = (name: string): number => {
    const row = PSCI_FUNCTIONS.find(each => each.name === name)!
    return row.smc64 ?? row.smc32
  }
  const id = (name: string): number => (version < PSCI_0_2 ? PSCI_01_FUNCTIONS.find(each => each.name === name)!.id : later(name))
  return {
    name: 'psci',
    properties: {
      migrate: [id('MIGRATE')],
      cpu_on: [id('CPU_ON')],
      cpu_off: [id('CPU_OFF')],
      cpu_suspend: [id('CPU_SUSPEND')],
      method: 'hvc',
      compatible: [...(version >= PSCI_1_0 ? ['arm,psci-1.0'] : []), ...(version >= PSCI_0_2 ? ['arm,psci-0.2'] : []), 'arm,psci'],
    },
  }
}

function gicNode(gic: 'v2' | 'v3', its: boolean): FdtTree {
  const common = {
    phandle: [PHANDLE.gic],
    ranges: true,
    '#size-cells': [2],
    '#address-cells': [2],
    'interrupt-controller': true,
    '#interrupt-cells': [3],
  } as const
  const name = `intc@${GIC.distributor.toString(16)}`
  if (gic === 'v2')
    return {
      name,
      properties: { ...common, reg: [GIC.distributor, GIC.distributorSize, GIC.v2CpuInterface, GIC.v2CpuInterfaceSize], compatible: 'arm,cortex-a15-gic' },
    }
  return {
    name,
    properties: {
      ...common,
      reg: [GIC.distributor, GIC.distributorSize, GIC.redistributors, GIC.redistributorsSize],
      '#redistributor-regions': [1],
      compatible: 'arm,gic-v3',
    },
    children: its
      ? [
          {
            name: `its@${GIC.its.toString(16)}`,
            properties: { phandle: [PHANDLE.its], reg: [GIC.its, GIC.itsSize], '#msi-cells': [1], 'msi-controller': true, compatible: 'arm,gic-v3-its' },
          },
        ]
      : [],
  }
}

function cpusNode({ affinities, cpu }: BoardTreeOptions): FdtTree {
  // Aff3 needs a cell of its own.
  const isWide = affinities.some(affinity => affinity >> 32n !== 0n)
  const compatible = /^(cortex|neoverse)-/.test(cpu) ? `arm,${cpu}` : 'arm,armv8'
  return {
    name: 'cpus',
    properties: { '#size-cells': [0], '#address-cells': [isWide ? 2 : 1] },
    children: affinities.map(affinity => ({
      name: `cpu@${affinity.toString(16)}`,
      properties: {
        reg: isWide ? [affinity] : [Number(affinity)],
        'enable-method': 'psci',
        compatible,
        device_type: 'cpu',
      },
    })),
  }
}

function chosenNode({ bootargs, initrd, rngSeed, kaslrSeed }: BoardTreeOptions): FdtTree {
  return {
    name: 'chosen',
    properties: {
      'linux,initrd-end': initrd && [initrd.end],
      'linux,initrd-start': initrd && [initrd.start],
      bootargs,
      'stdout-path': `/pl011@${UART_BASE.toString(16)}`,
      'rng-seed': rngSeed,
      'kaslr-seed': kaslrSeed === undefined ? undefined : [kaslrSeed],
    },
  }
}
