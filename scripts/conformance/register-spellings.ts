// table: system registers that our disassembler and objdump 2.40 spell differently, by encoding; one of the two writes op0 to op2.
/** Ours has a name. */
export const NEWER_REGISTERS = `
8022:mdselr_el1 802a:mdstepop_el1 84eb:spmaccessr_el1 84ec:spmiidr_el1 84ed:spmdevarch_el1 84ee:spmdevaff_el1 84ef:spmcfgr_el1 84f1:spmintenset_el1
84f2:spmintenclr_el1 875f:pmccntsvr_el1 8760:pmicntsvr_el1 9ce0:spmcr_el0 9ce1:spmcntenset_el0 9ce2:spmcntenclr_el0 9ce3:spmovsclr_el0 9ce4:spmzr_el0
9ce5:spmselr_el0 9cf3:spmovsset_el0 aceb:spmaccessr_el12 bcf7:spmscr_el1 c022:id_aa64pfr2_el1 c027:id_aa64fpfr0_el1 c02a:id_aa64dfr2_el1
c033:id_aa64isar3_el1 c03b:id_aa64mmfr3_el1 c03c:id_aa64mmfr4_el1 c083:sctlr2_el1 c093:trcitecr_el1 c0a0:sctlrmask_el1 c0a1:actlrmask_el1
c0a2:cpacrmask_el1 c0a3:sctlr2mask_el1 c0a4:cpacralias_el1 c0a5:actlralias_el1 c0a6:sctlralias_el1 c0a7:sctlr2alias_el1 c103:tcr2_el1 c128:gcscr_el1
c129:gcspr_el1 c12a:gcscre0_el1 c13a:tcrmask_el1 c13b:tcr2mask_el1 c13e:tcralias_el1 c13f:tcr2alias_el1 c29a:erxgsr_el1 c305:pfar_el1 c4d4:pmsdsfr_el1
c4d5:pmbmar_el1 c4dd:trbmpam_el1 c4eb:pmsscr_el1 c4f4:pmuacr_el1 c4f5:pmecr_el1 c4f7:pmiar_el1 c511:mair2_el1 c512:pire0_el1 c513:pir_el1 c514:por_el1
c515:s2por_el1 c519:amair2_el1 c650:icc_ppi_hmr0_el1 c651:icc_ppi_hmr1_el1 c652:icc_idr0_el1 c653:icc_hppir_el1 c654:icc_icsr_el1 c655:icc_iaffidr_el1
c656:icc_ppi_enabler0_el1 c657:icc_ppi_enabler1_el1 c668:icc_ppi_cactiver0_el1 c669:icc_ppi_cactiver1_el1 c66a:icc_ppi_sactiver0_el1
c66b:icc_ppi_sactiver1_el1 c66c:icc_ppi_cpendr0_el1 c66d:icc_ppi_cpendr1_el1 c66e:icc_ppi_spendr0_el1 c66f:icc_ppi_spendr1_el1
c670:icc_ppi_priorityr0_el1 c671:icc_ppi_priorityr1_el1 c672:icc_ppi_priorityr2_el1 c673:icc_ppi_priorityr3_el1 c674:icc_ppi_priorityr4_el1
c675:icc_ppi_priorityr5_el1 c676:icc_ppi_priorityr6_el1 c677:icc_ppi_priorityr7_el1 c678:icc_ppi_priorityr8_el1 c679:icc_ppi_priorityr9_el1
c67a:icc_ppi_priorityr10_el1 c67b:icc_ppi_priorityr11_el1 c67c:icc_ppi_priorityr12_el1 c67d:icc_ppi_priorityr13_el1 c67e:icc_ppi_priorityr14_el1
c67f:icc_ppi_priorityr15_el1 c683:rcwsmask_el1 c686:rcwmask_el1 ce00:icc_apr_el1 ce01:icc_cr0_el1 ce02:icc_pcr_el1 d929:gcspr_el0 da22:fpmr
dca0:pmicntr_el0 dcb0:pmicfiltr_el0 dcec:pmzr_el0 dd14:por_el0 dea4:amevcntr04_el0 dea5:amevcntr05_el0 dea6:amevcntr06_el0 dea7:amevcntr07_el0
dea8:amevcntr08_el0 dea9:amevcntr09_el0 deaa:amevcntr010_el0 deab:amevcntr011_el0 deac:amevcntr012_el0 dead:amevcntr013_el0 deae:amevcntr014_el0
deaf:amevcntr015_el0 deb4:amevtyper04_el0 deb5:amevtyper05_el0 deb6:amevtyper06_el0 deb7:amevtyper07_el0 deb8:amevtyper08_el0 deb9:amevtyper09_el0
deba:amevtyper010_el0 debb:amevtyper011_el0 debc:amevtyper012_el0 debd:amevtyper013_el0 debe:amevtyper014_el0 debf:amevtyper015_el0 e083:sctlr2_el2
e0a8:nvhcr_el2 e103:tcr2_el2 e11a:hdbssbr_el2 e11b:hdbssprod_el2 e128:gcscr_el2 e129:gcspr_el2 e188:hdfgrtr2_el2 e189:hdfgwtr2_el2 e18a:hfgrtr2_el2
e18b:hfgwtr2_el2 e18f:hfgitr2_el2 e509:mair2_el2 e512:pire0_el2 e513:pir_el2 e514:por_el2 e515:s2pir_el2 e519:amair2_el2 e644:ich_apr_el2
e64c:ich_hfgrtr_el2 e64e:ich_hfgwtr_el2 e64f:ich_hfgitr_el2 e650:ich_ppi_dvir0_el2 e651:ich_ppi_dvir1_el2 e652:ich_ppi_enabler0_el2
e653:ich_ppi_enabler1_el2 e654:ich_ppi_pendr0_el2 e655:ich_ppi_pendr1_el2 e656:ich_ppi_activer0_el2 e657:ich_ppi_activer1_el2 e65c:ich_vctlr_el2
e65e:ich_contextr_el2 e670:ich_ppi_priorityr0_el2 e671:ich_ppi_priorityr1_el2 e672:ich_ppi_priorityr2_el2 e673:ich_ppi_priorityr3_el2
e674:ich_ppi_priorityr4_el2 e675:ich_ppi_priorityr5_el2 e676:ich_ppi_priorityr6_el2 e677:ich_ppi_priorityr7_el2 e678:ich_ppi_priorityr8_el2
e679:ich_ppi_priorityr9_el2 e67a:ich_ppi_priorityr10_el2 e67b:ich_ppi_priorityr11_el2 e67c:ich_ppi_priorityr12_el2 e67d:ich_ppi_priorityr13_el2
e67e:ich_ppi_priorityr14_el2 e67f:ich_ppi_priorityr15_el2 e881:actlr_el12 e883:sctlr2_el12 e893:trcitecr_el12 e8a0:sctlrmask_el12 e8a1:actlrmask_el12
e8a2:cpacrmask_el12 e8a3:sctlr2mask_el12 e903:tcr2_el12 e928:gcscr_el12 e929:gcspr_el12 e93a:tcrmask_el12 e93b:tcr2mask_el12 eb05:pfar_el12
ed12:pire0_el12 ed13:pir_el12 ed14:por_el12
`
/** objdump has a name. */
export const OTHER_PROFILE_REGISTERS = `
8400:csrcr_el1 8401:csrptr_el1 8403:csrptridx_el1 9000:teecr32_el1 9080:teehbr32_el1 9c00:csrcr_el0 9c01:csrptr_el0 9c02:csridr_el0 9c03:csrptridx_el0
a400:csrcr_el2 a401:csrptr_el2 a403:csrptridx_el2 ac00:csrcr_el12 ac01:csrptr_el12 c004:mpuir_el1 c309:prenr_el1 c311:prselr_el1 c340:prbar_el1
c341:prlar_el1 c344:prbar1_el1 c345:prlar1_el1 c348:prbar2_el1 c349:prlar2_el1 c34c:prbar3_el1 c34d:prlar3_el1 c350:prbar4_el1 c351:prlar4_el1
c354:prbar5_el1 c355:prlar5_el1 c358:prbar6_el1 c359:prlar6_el1 c35c:prbar7_el1 c35d:prlar7_el1 c360:prbar8_el1 c361:prlar8_el1 c364:prbar9_el1
c365:prlar9_el1 c368:prbar10_el1 c369:prlar10_el1 c36c:prbar11_el1 c36d:prlar11_el1 c370:prbar12_el1 c371:prlar12_el1 c374:prbar13_el1
c375:prlar13_el1 c378:prbar14_el1 c379:prlar14_el1 c37c:prbar15_el1 c37d:prlar15_el1 e004:mpuir_el2 e309:prenr_el2 e311:prselr_el2 e340:prbar_el2
e341:prlar_el2 e344:prbar1_el2 e345:prlar1_el2 e348:prbar2_el2 e349:prlar2_el2 e34c:prbar3_el2 e34d:prlar3_el2 e350:prbar4_el2 e351:prlar4_el2
e354:prbar5_el2 e355:prlar5_el2 e358:prbar6_el2 e359:prlar6_el2 e35c:prbar7_el2 e35d:prlar7_el2 e360:prbar8_el2 e361:prlar8_el2 e364:prbar9_el2
e365:prlar9_el2 e368:prbar10_el2 e369:prlar10_el2 e36c:prbar11_el2 e36d:prlar11_el2 e370:prbar12_el2 e371:prlar12_el2 e374:prbar13_el2
e375:prlar13_el2 e378:prbar14_el2 e379:prlar14_el2 e37c:prbar15_el2 e37d:prlar15_el2
`
