// table of every ioctl that psci-snap makes on /dev/kvm: number, structure, which descriptor. Sources: include/uapi/linux/kvm.h and
// arch/arm64/include/uapi/asm/kvm.h; the numbers are the kernel's _IO macros over type 0xAE. Sizes and offsets in bytes, little-endian.

const TYPE = 0xae00
const io = (nr: number): number => TYPE | nr
const iow = (nr: number, size: number): number => 0x4000_0000 + (size << 16) + (TYPE | nr)
const ior = (nr: number, size: number): number => 0x8000_0000 + (size << 16) + (TYPE | nr)
const iowr = (nr: number, size: number): number => 0xc000_0000 + (size << 16) + (TYPE | nr)

/** On which descriptor an ioctl is made. */
export type Descriptor = 'kvm' | 'vm' | 'vcpu' | 'device'
export interface IoctlRow {
  readonly request: number
  readonly on: readonly Descriptor[]
  /** Structure behind the argument; absent: the argument is a plain number. */
  readonly struct?: string
}

export const IOCTL = {
  KVM_GET_API_VERSION: { request: io(0x00), on: ['kvm'] },
  KVM_CREATE_VM: { request: io(0x01), on: ['kvm'] },
  KVM_CHECK_EXTENSION: { request: io(0x03), on: ['kvm', 'vm'] },
  KVM_GET_VCPU_MMAP_SIZE: { request: io(0x04), on: ['kvm'] },
  KVM_CREATE_VCPU: { request: io(0x41), on: ['vm'] },
  KVM_SET_USER_MEMORY_REGION: { request: iow(0x46, 32), on: ['vm'], struct: 'u32 slot, u32 flags, u64 guest_phys_addr, u64 memory_size, u64 userspace_addr' },
  KVM_RUN: { request: io(0x80), on: ['vcpu'] },
  KVM_GET_MP_STATE: { request: ior(0x98, 4), on: ['vcpu'], struct: 'u32 mp_state' },
  KVM_SET_MP_STATE: { request: iow(0x99, 4), on: ['vcpu'], struct: 'u32 mp_state' },
  KVM_GET_VCPU_EVENTS: {
    request: ior(0x9f, 64),
    on: ['vcpu'],
    struct: 'u8 serror_pending, u8 serror_has_esr, u8 ext_dabt_pending, u8 pad[5], u64 serror_esr, u32 reserved[12]',
  },
  KVM_SET_VCPU_EVENTS: { request: iow(0xa0, 64), on: ['vcpu'], struct: 'as KVM_GET_VCPU_EVENTS' },
  KVM_ENABLE_CAP: { request: iow(0xa3, 104), on: ['vm'], struct: 'u32 cap, u32 flags, u64 args[4], u8 pad[64]' },
  KVM_GET_ONE_REG: { request: iow(0xab, 16), on: ['vcpu'], struct: 'u64 id, u64 addr' },
  KVM_SET_ONE_REG: { request: iow(0xac, 16), on: ['vcpu'], struct: 'u64 id, u64 addr' },
  KVM_ARM_VCPU_INIT: { request: iow(0xae, 32), on: ['vcpu'], struct: 'u32 target, u32 features[7]' },
  KVM_ARM_PREFERRED_TARGET: { request: ior(0xaf, 32), on: ['vm'], struct: 'u32 target, u32 features[7]' },
  KVM_GET_REG_LIST: { request: iowr(0xb0, 8), on: ['vcpu'], struct: 'u64 n, u64 reg[n]' },
  KVM_ARM_SET_COUNTER_OFFSET: { request: iow(0xb5, 16), on: ['vm'], struct: 'u64 counter_offset, u64 reserved' },
  KVM_ARM_GET_REG_WRITABLE_MASKS: { request: ior(0xb6, 64), on: ['vm'], struct: 'u64 addr, u32 range, u32 reserved[13]' },
  KVM_ARM_VCPU_FINALIZE: { request: iow(0xc2, 4), on: ['vcpu'], struct: 'u32 feature' },
  KVM_CREATE_DEVICE: { request: iowr(0xe0, 12), on: ['vm'], struct: 'u32 type, u32 fd, u32 flags' },
  KVM_SET_DEVICE_ATTR: { request: iow(0xe1, 24), on: ['vm', 'vcpu', 'device'], struct: 'u32 flags, u32 group, u64 attr, u64 addr' },
  KVM_HAS_DEVICE_ATTR: { request: iow(0xe3, 24), on: ['vm', 'vcpu', 'device'], struct: 'as KVM_SET_DEVICE_ATTR' },
} as const satisfies Record<string, IoctlRow>
export type IoctlName = keyof typeof IOCTL

/** struct kvm_run: offsets of what psci-snap reads and writes. The union of exits starts at 32. */
export const KVM_RUN_LAYOUT = {
  immediateExit: 1,
  exitReason: 8,
  mmio: { address: 32, data: 40, length: 48, isWrite: 52 },
  hypercall: { nr: 32, flags: 96 },
  systemEvent: { type: 32, ndata: 36, data: 40 },
  nisv: { syndrome: 32, address: 40 },
} as const

/** KVM_CREATE_DEVICE types, and the attribute groups and attributes of the GICs, the VM and a vCPU's PMU. */
export const DEVICE = { vgicV2: 5, vgicV3: 7 } as const
export const VGIC = {
  groupAddress: 0,
  groupIrqs: 3,
  groupControl: 4,
  v2: { distributor: 0, cpu: 1 },
  v3: { distributor: 2, redistributor: 3 },
  controlInit: 0,
} as const
/** `struct` is what the attribute points to. */
export const VM_ATTRIBUTE = { smcccFilterGroup: 0, smcccFilter: 0, struct: 'u32 base, u32 nr_functions, u8 action, u8 pad[15]' } as const
export const PMU_ATTRIBUTE = { group: 0, irq: 0, init: 1 } as const
