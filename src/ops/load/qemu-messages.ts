// Owns what QEMU prints when it cannot load a "cpu" section: texts and register names as its log has them. Source: facts/qemu-stream.md §8 (measured);
// target/arm/kvm.c (register names).
import { COPROC, type RegId, regBytes, regCoproc, regIndex, sysRegEncoding } from '../../arch/reg-id.ts'
import { isSecret } from '../../arch/secrets.ts'
import { bytesToBigint, type RegisterList } from '../../model/register-list.ts'
import type { Stopped } from './plan.ts'
import { isListed, ownPlaces } from './qemu-list.ts'
import { strerror } from './strerror.ts'

/** More lines of one kind are cut. */
const MOST_LINES = 12
const EINVAL = 22
const ENOENT = 2

export function qemuRegisterName(id: RegId): string {
  switch (regCoproc(id)) {
    case COPROC.demux:
      return `demuxed reg ${id.toString(16)}`
    case COPROC.sysreg: {
      const { op0, op1, crn, crm, op2 } = sysRegEncoding(id)
      return `system register op0:${op0} op1:${op1} crn:${crn} crm:${crm} op2:${op2}`
    }
    case COPROC.firmware:
      return `fw reg ${regIndex(id)}`
    case COPROC.firmwareBitmap:
      return `fw feat reg ${regIndex(id)}`
    default:
      return id.toString(16)
  }
}

const notLoaded = (vcpu: number): string => `error while loading state for instance 0x${vcpu.toString(16)} of device 'cpu'`
const cut = (lines: readonly string[]): readonly string[] => (lines.length > MOST_LINES ? [...lines.slice(0, MOST_LINES), '…'] : lines)

/** 10.x and older: never which register. */
export function qemu10Says({ stop, vcpu, saved, own }: Stopped): string | undefined {
  switch (stop.stage) {
    case 'count':
      return [
        `Invalid value ${countOf(saved)} expecting positive value <= ${ownPlaces(own.ids).length}`,
        'Failed to load cpu:cpreg_vmstate_array_len',
        notLoaded(vcpu),
      ].join('\n')
    case 'list':
      return notLoaded(vcpu)
    case 'write':
      return stop.id !== undefined && !isListed(stop.id)
        ? `Failed to put registers after init: ${strerror(stop.errno ?? EINVAL)}`
        : `${notLoaded(vcpu)}\nFailed to put registers after init: Invalid argument`
    default:
      return undefined
  }
}

/** 11.x: every register that it does not know, and every one that KVM refuses. */
export function qemu11Says({ stop, vcpu, saved, plan, refused }: Stopped): string | undefined {
  if (stop.stage === 'list') {
    const lines = (plan?.unknown ?? []).map(
      at =>
        `handle_cpreg_only_in_incoming_stream: ${qemuRegisterName(saved.ids[at] as RegId)} in the incoming stream but unknown on the destination: fail migration`,
    )
    return [...cut(lines), notLoaded(vcpu), '…'].join('\n')
  }
  if (stop.stage !== 'write') return undefined
  if (stop.id !== undefined && !isListed(stop.id)) return `Failed to put registers after init: ${strerror(stop.errno ?? EINVAL)}`
  const lines = refused.filter(({ id }) => isListed(id)).map(refusedText)
  return [...cut(lines), notLoaded(vcpu), '…'].join('\n')
}

function refusedText({ id, value, errno, readBack }: Stopped['refused'][number]): string {
  const name = qemuRegisterName(id)
  if (errno === ENOENT) return `Could not set register ${name}: unknown to KVM`
  if (errno !== EINVAL || isSecret(id)) return `Could not set register ${name}: ${strerror(errno)}`
  return `Could not set register ${name} to ${bytesToBigint(value).toString(16)}${readBack === undefined ? '' : ` (is ${bytesToBigint(readBack).toString(16)})`}`
}

export const countOf = (saved: RegisterList): number => saved.ids.reduce((sum, id) => sum + Number(isListed(id) && regBytes(id as RegId) <= 8), 0)
