export function stampOf(root: string): { readonly newest: number; readonly files: number }
export function bundleIsStale(root: string): boolean
export function lockDigest(root: string): string
export function installStamp(root: string): string
export function installIsStale(root: string): boolean
