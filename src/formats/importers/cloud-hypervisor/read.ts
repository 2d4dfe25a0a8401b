// Owns the reading of Cloud Hypervisor snapshots (v18 to v53): the folder with config.json, state.json and memory-ranges, or state.json alone.
// The files hold no version: the layout tells which releases write it.
import { SnapError } from '../../../errors.ts'
import type { Finding } from '../../../model/finding.ts'
import type { DeviceSnapshot, Snapshot } from '../../../model/snapshot.ts'
import { parseExactJson } from '../../data/exact-json.ts'
import { Field, toPlain } from '../../data/fields.ts'
import { readAll, type Source } from '../../source/source.ts'
import type { Imported } from '../importer.ts'
import { VMM_LIMITS } from '../kvm/limits.ts'
import { readGic } from './gic.ts'
import { MEMORY_FILE, type ReadMemory, readMemory } from './memory.ts'
import { jsonPlan, packedPlan } from './memory-plan.ts'
import { childOf, nodeJson, parseTree, type TreeNode } from './tree.ts'
import { type ReadVcpu, readVcpu } from './vcpu.ts'

export const STATE_FILE = 'state.json'
const CONFIG_FILE = 'config.json'
const GIC_NODE = 'gic-v3-its'

/** Throws INPUT_CORRUPT, LIMIT_EXCEEDED, and FORMAT_FOREIGN for a guest that is not arm64 on KVM. */
export async function readCloudHypervisor(source: Source): Promise<Imported> {
  const { name: file, folder } = source
  const tree = parseTree(await readAll(source, VMM_LIMITS.stateBytes, 'state.json of Cloud Hypervisor'), file)
  const findings: Finding[] = []
  const members = [STATE_FILE]

  const vcpus = readVcpus(childOf(tree, 'cpu-manager'), file)
  findings.push(...vcpus.flatMap(vcpu => vcpu.findings))

  const manager = childOf(tree, 'device-manager')
  const gicNode = childOf(manager, GIC_NODE)
  const gic =
    gicNode?.data &&
    readGic(
      nodeJson(gicNode.data.bytes, file, GIC_NODE),
      vcpus.map(({ vcpu }) => vcpu.index),
    )
  if (gic) findings.push(...gic.findings)
  else
    findings.push({
      severity: 'warning',
      code: 'gic-state-missing',
      message: `${file} has no state of the GIC, which every arm64 guest of Cloud Hypervisor has`,
    })

  const memoryNode = childOf(tree, 'memory-manager')
  const memory = memoryNode && (await readMemoryNode(memoryNode, source))
  if (memory) {
    findings.push(...memory.findings)
    if (memory.memory.length > 0) members.push(MEMORY_FILE)
  }

  const config = folder && (await folder.has(CONFIG_FILE)) ? await readConfig(await folder.open(CONFIG_FILE)) : undefined
  if (config) {
    members.push(CONFIG_FILE)
    findings.push(...configFindings(config, vcpus.length))
  }

  const clock = clockOf(tree, file)
  findings.push({ severity: 'info', code: 'format-lacks-events', message: 'Cloud Hypervisor saves no vCPU events: a pending SError is lost' })
  const snapshot: Snapshot = {
    origin: { vmm: `Cloud Hypervisor ${releases(tree, vcpus, gicNode, file)}` },
    gic: 'v3',
    stop: 'running',
    vm: clock ? { counterFrequency: clock.frequency } : {},
    vcpus: vcpus.map(({ vcpu }) => vcpu),
    devices: [
      ...(gic?.devices ?? []),
      ...(clock ? [clock.device] : []),
      ...(manager ? deviceNodes(manager, file) : []),
      ...(config ? [{ name: CONFIG_FILE, kind: 'vm-config', state: toPlain(config.value ?? null) }] : []),
    ],
    memory: memory?.memory ?? [],
  }
  return { format: { id: 'cloud-hypervisor' }, snapshot, findings, members: folder ? members : [STATE_FILE] }
}

function readVcpus(manager: TreeNode | undefined, file: string): readonly ReadVcpu[] {
  if (!manager) throw new SnapError('INPUT_CORRUPT', `${file} has no cpu-manager, so no vCPU`, { file })
  // Keys are numbers as texts, so the file has 10 before 2.
  const nodes = manager.children.map(node => ({ index: /^[0-9]{1,4}$/.test(node.name) ? Number(node.name) : -1, node }))
  nodes.sort((a, b) => a.index - b.index)
  return nodes.map(({ index, node }, i) => {
    if (index < 0) throw new SnapError('INPUT_CORRUPT', `${file}: cpu-manager has ${JSON.stringify(node.name.slice(0, 40))}, which is no vCPU number`, { file })
    if (nodes[i - 1]?.index === index) throw new SnapError('INPUT_CORRUPT', `${file} has vCPU ${index} twice`, { file, vcpu: index })
    if (!node.data) throw new SnapError('INPUT_CORRUPT', `${file}: vCPU ${index} has no state`, { file, vcpu: index })
    return readVcpu(index, nodeJson(node.data.bytes, file, `vCPU ${index}`), file)
  })
}

async function readMemoryNode({ data }: TreeNode, { name, folder }: Source): Promise<ReadMemory | undefined> {
  if (!data) return undefined
  const packed = data.form !== 'v39 and newer' && data.bytes[0] !== 0x7b
  return readMemory(packed ? packedPlan(data.bytes, name) : jsonPlan(nodeJson(data.bytes, name, 'memory-manager'), name), folder, name)
}

async function readConfig(source: Source): Promise<Field> {
  const { name: file } = source
  const bytes = await readAll(source, VMM_LIMITS.memberBytes, 'config.json of Cloud Hypervisor')
  await source.close()
  return new Field(parseExactJson(bytes, file, { file }), file)
}

function configFindings(config: Field, vcpus: number): readonly Finding[] {
  const booted = config.optional('cpus')?.optional('boot_vcpus')?.size()
  if (booted === undefined || booted <= vcpus) return []
  const message = `config.json starts the guest with ${booted} vCPUs, state.json has ${vcpus}`
  return [{ severity: 'error', code: 'vcpu-count-differs', message }]
}

/** v53 and newer: the counter and the time at which it was read. A restore advances the counter by the time that passed. */
function clockOf(tree: TreeNode, file: string): { readonly device: DeviceSnapshot; readonly frequency: number } | undefined {
  if (tree.data?.form !== 'v39 and newer') return undefined
  const clock = nodeJson(tree.data.bytes, file, 'vm').optional('clock')
  if (!clock) return undefined
  const frequency = clock.at('cntfrq').size()
  const state = { cntvct: clock.at('cntvct').unsigned(), hostRealtimeNs: clock.at('host_realtime_ns').unsigned(), cntfrq: frequency }
  return { device: { name: 'clock', kind: 'cloud-hypervisor-clock', state }, frequency }
}

/** Every other node below the device manager, by its id. */
function deviceNodes(manager: TreeNode, file: string): readonly DeviceSnapshot[] {
  const devices: DeviceSnapshot[] = []
  const visit = (node: TreeNode, path: string): void => {
    if (node.data && path !== GIC_NODE) {
      const { bytes, form } = node.data
      const isJson = form === 'v39 and newer' && bytes.length <= VMM_LIMITS.plainStateBytes
      const state = isJson ? toPlain(nodeJson(bytes, file, path).value ?? null) : bytes
      devices.push({ name: path, kind: 'cloud-hypervisor', state })
    }
    for (const child of node.children) visit(child, path === manager.name ? child.name : `${path}/${child.name}`)
  }
  visit(manager, manager.name)
  return devices
}

/** Which releases write this layout. */
function releases(tree: TreeNode, vcpus: readonly ReadVcpu[], gic: TreeNode | undefined, file: string): string {
  const form = childOf(tree, 'cpu-manager')?.children[0]?.data?.form
  if (form === undefined || form !== 'v39 and newer') return form ?? 'of an unknown release'
  if (vcpus.some(vcpu => vcpu.hasWideRegisters)) return 'v53 and newer'
  if (!gic?.data) return 'v39 to v52'
  return nodeJson(gic.data.bytes, file, GIC_NODE).has('Kvm') ? 'v46 to v52' : 'v39 to v45'
}
