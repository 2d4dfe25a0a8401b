// Owns picking a few facts out of libvirt's domain XML. A scanner of tags, not an XML parser: a document type is refused, entities stand for the five
// characters of XML and nothing else, nothing is ever loaded. Knows no file.

export interface Domain {
  /** `kvm` or `qemu` (TCG). */
  readonly type?: string
  readonly name?: string
  readonly uuid?: string
  readonly vcpus?: number
  readonly arch?: string
  readonly machine?: string
  readonly cpuMode?: string
  readonly cpuModel?: string
  readonly topology?: { readonly sockets?: number; readonly dies?: number; readonly clusters?: number; readonly cores?: number; readonly threads?: number }
  readonly gicVersion?: string
}

const LIMITS = { tags: 100_000, depth: 64, text: 1024 } as const
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

const plain = (text: string): string => text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => ENTITIES[name] ?? '')

/** What the XML says of the guest; `wrong` when it is not read, or not to its end. Never throws. */
export function readDomain(xml: string): { readonly domain?: Domain; readonly wrong?: string } {
  const found: { -readonly [K in keyof Domain]: Domain[K] } = {}
  const path: string[] = []
  let at = 0
  for (let tags = 0; ; tags++) {
    const open = xml.indexOf('<', at)
    if (open < 0) return path.length === 0 ? { domain: found } : { domain: found, wrong: 'it ends inside an element' }
    if (tags === LIMITS.tags) return { domain: found, wrong: `it has more than ${LIMITS.tags} tags` }
    const text = xml.slice(at, open)
    if (path.length > 0) onText(found, path.join('/'), text.length > LIMITS.text ? '' : plain(text.trim()))
    if (xml.startsWith('<!--', open)) {
      const end = xml.indexOf('-->', open + 4)
      if (end < 0) return { domain: found, wrong: 'a comment does not end' }
      at = end + 3
      continue
    }
    if (xml.startsWith('<!', open)) return { wrong: 'it has a document type or a CDATA section' }
    const end = tagEnd(xml, open)
    if (end < 0) return { domain: found, wrong: 'a tag does not end' }
    at = end + 1
    if (xml[open + 1] === '?') continue
    const tag = xml.slice(open + 1, end)
    if (tag.startsWith('/')) {
      if (path.pop() !== tag.slice(1).trim()) return { domain: found, wrong: 'its tags do not match' }
      continue
    }
    const name = /^[^\s/]+/.exec(tag)?.[0] ?? ''
    path.push(name)
    if (path.length > LIMITS.depth) return { domain: found, wrong: 'it is nested too deeply' }
    onTag(found, path.join('/'), attributes(tag))
    if (tag.endsWith('/')) path.pop()
  }
}

/** The `>` of the tag that begins at `open`; one in quotes does not count. */
function tagEnd(xml: string, open: number): number {
  let quote = ''
  for (let at = open + 1; at < xml.length; at++) {
    const char = xml[at]
    if (quote !== '') {
      if (char === quote) quote = ''
    } else if (char === '"' || char === "'") quote = char
    else if (char === '>') return at
    else if (char === '<') return -1
  }
  return -1
}

function attributes(tag: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const [, name = '', quoted = ''] of tag.matchAll(/\s([A-Za-z_][\w:.-]{0,63})=("[^"]{0,1024}"|'[^']{0,1024}')/g))
    found.set(name, plain(quoted.slice(1, -1)))
  return found
}

type Found = { -readonly [K in keyof Domain]: Domain[K] }

function onTag(found: Found, path: string, attribute: ReadonlyMap<string, string>): void {
  const take = (key: 'type' | 'arch' | 'machine' | 'cpuMode' | 'gicVersion', name: string) => {
    const value = attribute.get(name)
    if (value !== undefined) found[key] ??= value
  }
  if (path === 'domain') take('type', 'type')
  else if (path === 'domain/os/type') {
    take('arch', 'arch')
    take('machine', 'machine')
  } else if (path === 'domain/cpu') take('cpuMode', 'mode')
  else if (path === 'domain/features/gic') take('gicVersion', 'version')
  else if (path === 'domain/cpu/topology') {
    const counts = ['sockets', 'dies', 'clusters', 'cores', 'threads'].flatMap(name => {
      const value = Number(attribute.get(name))
      return Number.isSafeInteger(value) && value > 0 ? [[name, value] as const] : []
    })
    found.topology ??= Object.fromEntries(counts)
  }
}

function onText(found: Found, path: string, text: string): void {
  if (text === '') return
  if (path === 'domain/name') found.name ??= text
  else if (path === 'domain/uuid') found.uuid ??= text
  else if (path === 'domain/cpu/model') found.cpuModel ??= text
  else if (path === 'domain/vcpu' && /^\d{1,5}$/.test(text)) found.vcpus ??= Number(text)
}
