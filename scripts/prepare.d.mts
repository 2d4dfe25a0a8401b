export const root: string
export function requireNode(): void
export function ensureInstalled(): Promise<void>
export function ensureBuilt(): Promise<void>
