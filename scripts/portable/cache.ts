// Owns where packages that scripts fetch are kept between runs: outside the project, where every tool of it would look into them.
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Of this user: $XDG_CACHE_HOME/psci-snap, or ~/.cache/psci-snap. */
export const cacheFolder = (): string => join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'psci-snap')

/** A package cannot be had, or a tool is not here: what needs it was not run, which is neither success nor failure. */
export class Unavailable extends Error {}
