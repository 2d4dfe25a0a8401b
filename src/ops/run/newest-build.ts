// Owns which host a guest gets when nobody names one: the newest kernel of the built-in builds, on the default CPU.
import { DEFAULT_CPU } from '../../builds/build.ts'
import { listBuilds } from '../../builds/load.ts'

export const newestBuild = (): string => listBuilds().findLast(({ cpu }) => cpu === DEFAULT_CPU)!.name
