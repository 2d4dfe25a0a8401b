// Owns finding the build of a recorded host: the built-in one of a plain recording, else one made of the recording itself, by the same
// generator code. Replays name their target in the file: the recording of the same kernel, CPU and boot options.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type Build, makeBuild } from '../../src/builds/build.ts'
import type { KernelRules } from '../../src/builds/kernel-rules.ts'
import { findBuild } from '../../src/builds/load.ts'
import { buildFromRecording } from '../../src/builds/recorded/from-recording.ts'
import { hiddenHardware, hostValues } from '../../src/builds/recorded/host.ts'
import { kernelRules } from '../../src/builds/recorded/kernel.ts'
import { mergeKernels } from '../../src/builds/recorded/merge-kernels.ts'
import type { NamedRecording } from '../../src/builds/recorded/recording.ts'
import { readRecording } from '../builds/read-recordings.ts'
import type { ReplayFile } from './family.ts'

export class Hosts {
  private readonly folders: readonly string[]
  private readonly rulesFrom: ((named: NamedRecording) => boolean) | undefined
  private readonly kernels = new Map<string, KernelRules>()
  private readonly read = new Map<string, NamedRecording>()
  private readonly built = new Map<string, Build>()
  private hidden: ((cpu: string) => ReadonlyMap<number, bigint>) | undefined

  /**
   * `rulesFrom` holds recordings out: kernel rules then come from those it names and from no built-in data, so that agreement on the others
   * shows that rules were derived, not fitted.
   */
  constructor(folders: readonly string[], rulesFrom?: (named: NamedRecording) => boolean) {
    this.folders = folders
    this.rulesFrom = rulesFrom
  }

  /** Names of recordings, and of replays, of all folders; sorted. */
  names(kind: 'recording' | 'replay'): string[] {
    const files = this.folders.flatMap(folder => readdirSync(folder)).filter(file => file.endsWith('.json.gz'))
    return [...new Set(files.filter(file => file.startsWith('replay-') === (kind === 'replay')).map(file => file.replace(/\.json\.gz$/, '')))].sort()
  }

  recording(name: string): NamedRecording | undefined {
    const known = this.read.get(name)
    if (known) return known
    const file = this.file(name)
    if (!file) return undefined
    const named = readRecording(file)
    this.read.set(name, named)
    return named
  }

  replay(name: string): ReplayFile {
    return JSON.parse(gunzipSync(readFileSync(this.file(name)!)).toString()) as ReplayFile
  }

  /** The build of a recorded host. */
  buildOf(named: NamedRecording): Build {
    const known = this.built.get(named.name)
    if (known) return known
    const { recording } = named
    if (this.rulesFrom) {
      const build = this.heldOut(named)
      this.built.set(named.name, build)
      return build
    }
    const builtIn = named.recording.complete ? findBuild(`linux-${recording.version}/${recording.qemu_cpu}`) : undefined
    const plain = builtIn?.host.provenance.some(each => each.recording === named.name && each.sha256 === named.sha256)
    const build = plain ? builtIn! : buildFromRecording(named, this.sameCpu(recording.qemu_cpu))
    this.built.set(named.name, build)
    return build
  }

  /** The host that a replay was written to, or undefined when no recording and no built-in build is of it. */
  targetOf(replay: ReplayFile): Build | undefined {
    const options = replay.append.trim()
    const candidates = this.names('recording')
      .filter(name => name === replay.version || name.startsWith(`${replay.version}-`))
      .map(name => this.recording(name)!)
      .filter(({ recording }) => recording.complete && recording.qemu_cpu === replay.qemu_cpu && recording.append.trim() === options)
    // A plain recording before a variant of it (-impid, -postver are the same host probed again).
    const exact = candidates.sort((a, b) => a.name.length - b.name.length)[0]
    if (exact) return this.buildOf(exact)
    return options === '' ? findBuild(`linux-${replay.version}/${replay.qemu_cpu}`) : undefined
  }

  /** Recordings on a CPU, which together show what newer kernels hide of it. */
  private sameCpu(cpu: string): NamedRecording[] {
    return this.names('recording')
      .map(name => this.recording(name)!)
      .filter(each => each.recording.qemu_cpu === cpu)
  }

  /** A build whose kernel rules come from the recordings that `rulesFrom` names only; its values are its own. */
  private heldOut(named: NamedRecording): Build {
    const release = named.recording.version
    let kernel = this.kernels.get(release)
    if (!kernel) {
      const own = this.names('recording')
        .filter(name => name === release || name.startsWith(`${release}-`))
        .map(name => this.recording(name)!)
        .filter(each => each.recording.complete && this.rulesFrom!(each))
      kernel = kernelRules(own, this.hardware())
      this.kernels.set(release, kernel)
    }
    // As for any recording of a known kernel: its own lists may hold registers that the others do not.
    kernel = mergeKernels(kernel, kernelRules([named], this.hardware()), false)
    return makeBuild(`linux-${named.name}`, kernel, hostValues(kernel, named, this.hardware()(named.recording.qemu_cpu)))
  }

  private hardware(): (cpu: string) => ReadonlyMap<number, bigint> {
    this.hidden ??= hiddenHardware(this.names('recording').map(name => this.recording(name)!))
    return this.hidden
  }

  private file(name: string): string | undefined {
    return this.folders.map(folder => join(folder, `${name}.json.gz`)).find(existsSync)
  }
}
