// Owns the release of psci-snap that this code is. A test compares it with package.json.

export const VERSION = '0.1.0'
