// Owns how CPU templates and fingerprints are told from other JSON, and from each other. What reads them is loaded when there is one.
import type { Importer } from '../../importer.ts'

const asText = (head: Uint8Array): string => Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1')
const isObject = (text: string): boolean => /^(?:\xef\xbb\xbf)?\s*\{/.test(text)
const FINGERPRINT_KEY = /"(firecracker_version|guest_cpu_config)"\s*:/
const TEMPLATE_KEY = /"(kvm_capabilities|vcpu_features|reg_modifiers|cpuid_modifiers|msr_modifiers)"\s*:\s*\[/

export const firecrackerFingerprint: Importer = {
  id: 'firecracker-fingerprint',
  sniff(head) {
    const text = asText(head)
    return isObject(text) && FINGERPRINT_KEY.test(text) ? { because: 'JSON with the keys of a cpu-template-helper fingerprint' } : undefined
  },
  async read(source) {
    const [{ readConfigFile }, { parseFingerprint }] = await Promise.all([import('./config.ts'), import('./fingerprint.ts')])
    return parseFingerprint(await readConfigFile(source), source.name)
  },
}

export const firecrackerTemplate: Importer = {
  id: 'firecracker-cpu-template',
  sniff(head) {
    const text = asText(head)
    return isObject(text) && !FINGERPRINT_KEY.test(text) && TEMPLATE_KEY.test(text)
      ? { because: 'JSON with the lists of a Firecracker CPU template' }
      : undefined
  },
  async read(source) {
    const [{ readConfigFile }, { parseTemplate }] = await Promise.all([import('./config.ts'), import('./template.ts')])
    return parseTemplate(await readConfigFile(source), source.name)
  },
}
