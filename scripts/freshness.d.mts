export function stampOf(root: string): { readonly newest: number; readonly files: number }
export function bundleIsStale(root: string): boolean
export function libraryIsStale(root: string): boolean
export function installIsStale(root: string): boolean
export function dataFiles(root: string): string[]
