// table: instructions that are SYS with a name. Four digits op1, CRn, CRm, op2, then the operation; a minus sign: it takes no register.
// Source: Arm ARM (DDI 0487) C5.3 to C5.5; the conformance script compares all 2^14 combinations with objdump.
import { once } from '../../../arch/once.ts'

const OPERATIONS: Readonly<Record<string, string>> = {
  ic: `
0710:ialluis- 0750:iallu- 3751:ivau
`,
  dc: `
0761:ivac 0762:isw 0763:igvac 0764:igsw 0765:igdvac 0766:igdsw 07a2:csw 07a4:cgsw 07a6:cgdsw 07e2:cisw 07e4:cigsw 07e6:cigdsw 3741:zva 3743:gva
3744:gzva 37a1:cvac 37a3:cgvac 37a5:cgdvac 37b1:cvau 37c1:cvap 37c3:cgvap 37c5:cgdvap 37d1:cvadp 37d3:cgvadp 37d5:cgdvadp 37e1:civac 37e3:cigvac
37e5:cigdvac 67e1:cipapa 67e5:cigdpapa
`,
  at: `
0780:s1e1r 0781:s1e1w 0782:s1e0r 0783:s1e0w 0790:s1e1rp 0791:s1e1wp 4780:s1e2r 4781:s1e2w 4784:s12e1r 4785:s12e1w 4786:s12e0r 4787:s12e0w 6780:s1e3r
6781:s1e3w
`,
  tlbi: `
0810:vmalle1os- 0811:vae1os 0812:aside1os 0813:vaae1os 0815:vale1os 0817:vaale1os 0821:rvae1is 0823:rvaae1is 0825:rvale1is 0827:rvaale1is
0830:vmalle1is- 0831:vae1is 0832:aside1is 0833:vaae1is 0835:vale1is 0837:vaale1is 0851:rvae1os 0853:rvaae1os 0855:rvale1os 0857:rvaale1os 0861:rvae1
0863:rvaae1 0865:rvale1 0867:rvaale1 0870:vmalle1- 0871:vae1 0872:aside1 0873:vaae1 0875:vale1 0877:vaale1 4801:ipas2e1is 4802:ripas2e1is
4805:ipas2le1is 4806:ripas2le1is 4810:alle2os- 4811:vae2os 4814:alle1os- 4815:vale2os 4816:vmalls12e1os- 4821:rvae2is 4825:rvale2is 4830:alle2is-
4831:vae2is 4834:alle1is- 4835:vale2is 4836:vmalls12e1is- 4840:ipas2e1os 4841:ipas2e1 4842:ripas2e1 4843:ripas2e1os 4844:ipas2le1os 4845:ipas2le1
4846:ripas2le1 4847:ripas2le1os 4851:rvae2os 4855:rvale2os 4861:rvae2 4865:rvale2 4870:alle2- 4871:vae2 4874:alle1- 4875:vale2 4876:vmalls12e1-
6810:alle3os- 6811:vae3os 6814:paallos- 6815:vale3os 6821:rvae3is 6825:rvale3is 6830:alle3is- 6831:vae3is 6835:vale3is 6843:rpaos 6847:rpalos
6851:rvae3os 6855:rvale3os 6861:rvae3 6865:rvale3 6870:alle3- 6871:vae3 6874:paall- 6875:vale3
`,
  cfp: `
3734:rctx
`,
  dvp: `
3735:rctx
`,
  cpp: `
3737:rctx
`,
}

export interface SystemOperation {
  /** `dc zva`. */
  readonly name: string
  /** Whether Rt is an operand; where it is none, it is not printed, whatever it holds. */
  readonly register: boolean
}

const operations = once(() => {
  const found = new Map<string, SystemOperation>()
  for (const [instruction, list] of Object.entries(OPERATIONS)) {
    for (const entry of list.trim().split(/\s+/)) {
      const [numbers = '', operation = ''] = entry.split(':')
      found.set(numbers, { name: `${instruction} ${operation.replace('-', '')}`, register: !operation.endsWith('-') })
    }
  }
  return found
})

/** The operation that a SYS with these numbers is, or undefined: it has no name. */
export const systemOperation = (op1: number, crn: number, crm: number, op2: number): SystemOperation | undefined =>
  operations().get([op1, crn, crm, op2].map(digit => digit.toString(16)).join(''))
