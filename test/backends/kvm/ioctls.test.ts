// The table of ioctls against the kernel's own headers: a C program for arm64 prints what the macros and offsetof say.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { KVM_EXIT, MP_STATES } from '../../../src/arch/exits.ts'
import { FEATURES } from '../../../src/arch/features.ts'
import { DEVICE, IOCTL, type IoctlName, type IoctlRow, KVM_RUN_LAYOUT, PMU_ATTRIBUTE, VGIC, VM_ATTRIBUTE } from '../../../src/backends/kvm/ioctls.ts'

const COMPILER = 'aarch64-linux-gnu-gcc'
const RUNNER = 'qemu-aarch64'
const has = (program: string): boolean => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0
const lacking = [COMPILER, RUNNER].filter(program => !has(program))

/** The structure that each ioctl takes, by its C name; calls without one take a number. */
const STRUCTS: Partial<Record<IoctlName | 'filter', string>> = {
  KVM_SET_USER_MEMORY_REGION: 'struct kvm_userspace_memory_region',
  KVM_GET_MP_STATE: 'struct kvm_mp_state',
  KVM_SET_MP_STATE: 'struct kvm_mp_state',
  KVM_GET_VCPU_EVENTS: 'struct kvm_vcpu_events',
  KVM_SET_VCPU_EVENTS: 'struct kvm_vcpu_events',
  KVM_ENABLE_CAP: 'struct kvm_enable_cap',
  KVM_GET_ONE_REG: 'struct kvm_one_reg',
  KVM_SET_ONE_REG: 'struct kvm_one_reg',
  KVM_ARM_VCPU_INIT: 'struct kvm_vcpu_init',
  KVM_ARM_PREFERRED_TARGET: 'struct kvm_vcpu_init',
  KVM_GET_REG_LIST: 'struct kvm_reg_list',
  KVM_ARM_SET_COUNTER_OFFSET: 'struct kvm_arm_counter_offset',
  KVM_ARM_GET_REG_WRITABLE_MASKS: 'struct reg_mask_range',
  KVM_CREATE_DEVICE: 'struct kvm_create_device',
  KVM_SET_DEVICE_ATTR: 'struct kvm_device_attr',
  KVM_HAS_DEVICE_ATTR: 'struct kvm_device_attr',
  filter: 'struct kvm_smccc_filter',
}
/** Members of a structure in the structure. */
const INSIDE: Readonly<Record<string, string>> = Object.fromEntries(
  ['serror_pending', 'serror_has_esr', 'ext_dabt_pending', 'pad', 'serror_esr'].map(name => [`struct kvm_vcpu_events.${name}`, `exception.${name}`]),
)

/** What headers older than 6.8 lack, as Documentation/virt/kvm/api.rst and kvm.h of later kernels have it. */
const NEWER = `
#ifndef KVM_ARM_SET_COUNTER_OFFSET
struct kvm_arm_counter_offset { __u64 counter_offset; __u64 reserved; };
#define KVM_ARM_SET_COUNTER_OFFSET _IOW(KVMIO, 0xb5, struct kvm_arm_counter_offset)
struct kvm_smccc_filter { __u32 base; __u32 nr_functions; __u8 action; __u8 pad[15]; };
#define KVM_ARM_VM_SMCCC_CTRL 0
#define KVM_ARM_VM_SMCCC_FILTER 0
#endif
#ifndef KVM_ARM_GET_REG_WRITABLE_MASKS
struct reg_mask_range { __u64 addr; __u32 range; __u32 reserved[13]; };
#define KVM_ARM_GET_REG_WRITABLE_MASKS _IOR(KVMIO, 0xb6, struct reg_mask_range)
#endif`

const SIZES: Readonly<Record<string, number>> = { u8: 1, u32: 4, u64: 8 }
/** `u32 slot, u8 pad[5]` as C lays it out: [name, offset] of each member. */
function layout(text: string): readonly (readonly [string, number])[] {
  let end = 0
  return text.split(', ').map(member => {
    const [, type, name = '', count] = /^(u8|u32|u64) (\w+)(?:\[(\w+)\])?$/.exec(member)!
    const size = SIZES[type!]!
    const offset = Math.ceil(end / size) * size
    end = offset + size * Number(count ?? 1)
    return [name, offset]
  })
}
const structOf = (name: IoctlName): string | undefined => {
  const row: IoctlRow = IOCTL[name]
  const same = /^as (\w+)$/.exec(row.struct ?? '')?.[1]
  return same === undefined ? row.struct : structOf(same as IoctlName)
}

const NUMBERS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(Object.entries(IOCTL).map(([name, { request }]) => [name, request])),
  ...Object.fromEntries(
    Object.entries(KVM_EXIT)
      .filter(([name]) => name !== 'ARM_SEA' && name !== 'ARM_LDST64B' && name !== 'MEMORY_FAULT')
      .map(([name, reason]) => [`KVM_EXIT_${name}`, reason]),
  ),
  ...Object.fromEntries(MP_STATES.map(({ constant, value }) => [constant, value])),
  ...Object.fromEntries(FEATURES.slice(0, 7).map((name, bit) => [`KVM_ARM_VCPU_${name.toUpperCase()}`, bit])),
  KVM_API_VERSION: 12,
  KVM_DEV_TYPE_ARM_VGIC_V2: DEVICE.vgicV2,
  KVM_DEV_TYPE_ARM_VGIC_V3: DEVICE.vgicV3,
  KVM_DEV_ARM_VGIC_GRP_ADDR: VGIC.groupAddress,
  KVM_DEV_ARM_VGIC_GRP_NR_IRQS: VGIC.groupIrqs,
  KVM_DEV_ARM_VGIC_GRP_CTRL: VGIC.groupControl,
  KVM_VGIC_V2_ADDR_TYPE_DIST: VGIC.v2.distributor,
  KVM_VGIC_V2_ADDR_TYPE_CPU: VGIC.v2.cpu,
  KVM_VGIC_V3_ADDR_TYPE_DIST: VGIC.v3.distributor,
  KVM_VGIC_V3_ADDR_TYPE_REDIST: VGIC.v3.redistributor,
  KVM_DEV_ARM_VGIC_CTRL_INIT: VGIC.controlInit,
  KVM_ARM_VM_SMCCC_CTRL: VM_ATTRIBUTE.smcccFilterGroup,
  KVM_ARM_VM_SMCCC_FILTER: VM_ATTRIBUTE.smcccFilter,
  KVM_ARM_VCPU_PMU_V3_CTRL: PMU_ATTRIBUTE.group,
  KVM_ARM_VCPU_PMU_V3_IRQ: PMU_ATTRIBUTE.irq,
  KVM_ARM_VCPU_PMU_V3_INIT: PMU_ATTRIBUTE.init,
  'offsetof(struct kvm_run, immediate_exit)': KVM_RUN_LAYOUT.immediateExit,
  'offsetof(struct kvm_run, exit_reason)': KVM_RUN_LAYOUT.exitReason,
  'offsetof(struct kvm_run, mmio.phys_addr)': KVM_RUN_LAYOUT.mmio.address,
  'offsetof(struct kvm_run, mmio.data)': KVM_RUN_LAYOUT.mmio.data,
  'offsetof(struct kvm_run, mmio.len)': KVM_RUN_LAYOUT.mmio.length,
  'offsetof(struct kvm_run, mmio.is_write)': KVM_RUN_LAYOUT.mmio.isWrite,
  'offsetof(struct kvm_run, hypercall.nr)': KVM_RUN_LAYOUT.hypercall.nr,
  // Called longmode before 6.4.
  'offsetof(struct kvm_run, hypercall.ret) + 8': KVM_RUN_LAYOUT.hypercall.flags,
  'offsetof(struct kvm_run, system_event.type)': KVM_RUN_LAYOUT.systemEvent.type,
  'offsetof(struct kvm_run, system_event.ndata)': KVM_RUN_LAYOUT.systemEvent.ndata,
  'offsetof(struct kvm_run, system_event.data)': KVM_RUN_LAYOUT.systemEvent.data,
  'offsetof(struct kvm_run, arm_nisv.esr_iss)': KVM_RUN_LAYOUT.nisv.syndrome,
  'offsetof(struct kvm_run, arm_nisv.fault_ipa)': KVM_RUN_LAYOUT.nisv.address,
}
const OFFSETS: Readonly<Record<string, number>> = Object.fromEntries(
  Object.entries(STRUCTS).flatMap(([name, struct]) =>
    layout(name === 'filter' ? VM_ATTRIBUTE.struct : structOf(name as IoctlName)!).map(([member, offset]) => [
      `offsetof(${struct}, ${INSIDE[`${struct}.${member}`] ?? member})`,
      offset,
    ]),
  ),
)

test('numbers, structures and layouts are those of the kernel headers', context => {
  if (lacking.length > 0) return context.skip(`not installed: ${lacking.join(', ')}`)
  const folder = mkdtempSync(join(tmpdir(), 'psci-snap-ioctls-'))
  try {
    const expected = { ...NUMBERS, ...OFFSETS }
    const lines = Object.keys(expected).map(name => `  printf("%llu\\n", (unsigned long long)(unsigned int)(${name}));`)
    const program = ['#include <stdio.h>', '#include <stddef.h>', '#include <linux/kvm.h>', NEWER, 'int main(void) {', ...lines, '  return 0;', '}', '']
    writeFileSync(join(folder, 'numbers.c'), program.join('\n'))
    const headers = process.env.PSCI_SNAP_KERNEL_HEADERS?.split(':').flatMap(path => ['-isystem', path]) ?? []
    execFileSync(COMPILER, ['-static', ...headers, '-o', join(folder, 'numbers'), join(folder, 'numbers.c')], { stdio: ['ignore', 'ignore', 'inherit'] })
    const printed = execFileSync(RUNNER, [join(folder, 'numbers')], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(Number)
    expect(Object.fromEntries(Object.keys(expected).map((name, i) => [name, printed[i]]))).toEqual(expected)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('every ioctl with a size has a structure, and every structure that size', () => {
  const sizes = Object.entries(IOCTL).filter(([, { request }]) => request > 0xffff)
  expect(sizes.map(([name]) => name).sort()).toEqual(
    Object.keys(STRUCTS)
      .filter(name => name !== 'filter')
      .concat('KVM_ARM_VCPU_FINALIZE')
      .sort(),
  )
  expect(sizes.filter(([name]) => structOf(name as IoctlName) === undefined)).toEqual([])
})
