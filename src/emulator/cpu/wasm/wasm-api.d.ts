// The part of the WebAssembly JavaScript API that the engine uses. The project compiles without the DOM library, where TypeScript keeps it.
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array)
  }
  class Instance {
    constructor(module: Module, imports?: Readonly<Record<string, Readonly<Record<string, unknown>>>>)
    readonly exports: Readonly<Record<string, unknown>>
  }
  class Memory {
    constructor(descriptor: { readonly initial: number; readonly maximum?: number })
    readonly buffer: ArrayBuffer
  }
  class Table {
    constructor(descriptor: { readonly element: 'anyfunc'; readonly initial: number; readonly maximum?: number })
    readonly length: number
    grow(by: number): number
    get(index: number): unknown
    set(index: number, value: unknown): void
  }
  function validate(bytes: Uint8Array): boolean
}
