// `npm run bench [-- NAME…] [--write]`: runs the benches one after the other, each in a process of its own, and prints what they print under the
// machine, the Node and the command. --write puts the same into bench/RESULTS.md, in the place of what the same benches said on this Node's major version.
// Judges nothing: ratios and limits stand in the figures.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const BENCHES = {
  cpu: { file: 'cpu/cpu.ts', title: 'CPU' },
  mmu: { file: 'cpu/mmu.ts', title: 'Translation' },
  replay: { file: 'replay/replay.ts', title: 'Replay and verdict' },
  'start-up': { file: 'start-up.ts', title: 'Start of the command line' },
  fleet: { file: 'fleet/fleet.ts', title: 'check of 10,000 snapshots' },
  qemu: { file: 'qemu/inspect.ts', title: 'inspect of large QEMU streams' },
  linux: { file: 'linux/linux.ts', title: 'Linux on the built-in machine' },
  archive: { file: 'archive/archive.ts', title: 'Archive, 1 GiB of guest memory' },
} as const
type Name = keyof typeof BENCHES

const { values, positionals } = parseArgs({ allowPositionals: true, options: { write: { type: 'boolean', default: false } } })
const unknown = positionals.filter(name => !(name in BENCHES))
if (unknown.length > 0) throw new Error(`no bench ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}`)
const names = (positionals.length > 0 ? positionals : Object.keys(BENCHES)) as readonly Name[]

const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}`
const node = `# Node ${process.versions.node.split('.')[0]}`
const measured = new Map<string, string>()
for (const name of names) {
  const { file, title } = BENCHES[name]
  console.log(`\n== ${title} (bench/${file})`)
  const how = `Measured ${new Date().toISOString().slice(0, 10)} on ${machine}, Node ${process.version}, with \`npm run bench -- ${name}\`.`
  measured.set(title, `## ${title}\n\n${how}\n\n\`\`\`text\n${(await run(file)).trim()}\n\`\`\``)
}
if (values.write) {
  const file = new URL('RESULTS.md', import.meta.url)
  const parts = existsSync(file)
    ? readFileSync(file, 'utf8')
        .split(/^(?=# Node )/m)
        .slice(1)
    : []
  const old = sections(parts.find(part => part.startsWith(`${node}\n`)) ?? '')
  const titles = Object.values(BENCHES).map(({ title }) => title)
  const fresh = [node, ...titles.flatMap(title => measured.get(title) ?? old.get(title) ?? [])].join('\n\n')
  const all = [...parts.filter(part => !part.startsWith(`${node}\n`)).map(part => part.trimEnd()), fresh].sort()
  writeFileSync(file, `<!-- Written by \`npm run bench -- --write\`, on each Node. -->\n\n${all.join('\n\n')}\n`)
}

/** The text under each `## ` of a part, heading included, by title. */
function sections(part: string): ReadonlyMap<string, string> {
  const found = part.split(/^(?=## )/m).slice(1)
  return new Map(found.map(text => [/^## (.*)$/m.exec(text)?.[1] ?? '', text.trimEnd()]))
}

/** Its output, shown as it comes. Lines of JSON are for machines and stay out of what is kept. */
function run(file: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(new URL(file, import.meta.url))], { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      process.stdout.write(text)
      output += text
    })
    child.on('error', reject)
    child.on('close', status => (status === 0 ? resolve(output.replace(/^\{.*\}\n/gm, '')) : reject(new Error(`bench/${file} ended with ${status}`))))
  })
}
