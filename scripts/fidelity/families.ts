// Owns the list of families, one a recorded kind of row. A new kind is a file in families/ and a line here.

import { fweffect, fwrun, postver, psci, psciFeatSuspendCap, replayGuest, smcccFilter } from './families/calls.ts'
import { check } from './families/check.ts'
import { errs } from './families/errs.ts'
import { fwhidden, fwreinit, fwwrite } from './families/firmware-registers.ts'
import { idmasks, idregs, idvm, impid } from './families/id-registers.ts'
import { cpuOn, event } from './families/power.ts'
import { caps, mpstate, timer } from './families/power-time-capabilities.ts'
import { regs } from './families/regs.ts'
import { replays } from './families/replays.ts'
import { restore } from './families/restore.ts'
import { restoreRan } from './families/restore-ran.ts'
import type { Family } from './family.ts'

export const FAMILIES: readonly Family[] = [
  ...[caps, regs, errs, mpstate, timer, idvm, fwreinit, fwwrite, fwhidden, restore, idmasks, impid, idregs, replays, check],
  ...[psci, psciFeatSuspendCap, cpuOn, event, fweffect, fwrun, postver, smcccFilter, restoreRan, replayGuest],
]
