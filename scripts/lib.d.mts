export function buildLibrary(): Promise<void>
