// Owns one engine's instances of the compiled interpreter: its own module at once, each other group of operations when code that needs it is decoded.
import { type Interpreter, sharedInterpreter } from './shared-module.ts'

export class Operations {
  readonly interpreter: Interpreter = sharedInterpreter()
  /** What other modules of this engine import. */
  readonly imports: { readonly engine: { readonly memory: WebAssembly.Memory; readonly table: WebAssembly.Table } }
  readonly #instances: (WebAssembly.Instance | undefined)[] = []

  constructor(memory: WebAssembly.Memory) {
    const table = new WebAssembly.Table({ element: 'anyfunc', initial: this.interpreter.cold })
    this.imports = { engine: { memory, table } }
  }

  /** What the interpreter's own module exports. */
  get exports(): Readonly<Record<string, unknown>> {
    return this.#instance(0).exports
  }

  /** The code of an operation, which can be executed from now on. */
  code(name: string): number {
    const known = this.interpreter.codes.get(name)
    if (!known) throw new Error(`there is no operation ${name}`)
    this.#instance(known.group)
    return known.code
  }

  #instance(group: number): WebAssembly.Instance {
    return (this.#instances[group] ??= new WebAssembly.Instance(this.interpreter.groups[group]!.module(), this.imports))
  }
}
