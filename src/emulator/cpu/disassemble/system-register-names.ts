// table: names of system registers that no KVM table has, so that the catalogue cannot name them: PSTATE and Debug state, EL2 aliases, EL3, the trace unit
// (ETMv4 numbering), branch records. Encoding (op0<<14 | op1<<11 | CRn<<7 | CRm<<3 | op2) and name, as the Arm ARM (DDI 0487) D24 and ETMv4 (IHI 0064) spell it;
// collected from the encodings that binutils 2.40 names and the catalogue does not, without those of other profiles.
export const FURTHER_REGISTERS = `
8801:trctraceidr 8802:trcvictlr 8804:trcseqevr0 8805:trccntrldvr0 8806:trcidr8 8807:trcimspec0 8808:trcprgctlr 8809:trcqctlr 880a:trcviiectlr
880c:trcseqevr1 880d:trccntrldvr1 880e:trcidr9 880f:trcimspec1 8810:trcprocselr 8812:trcvissctlr 8814:trcseqevr2 8815:trccntrldvr2 8816:trcidr10
8817:trcimspec2 8818:trcstatr 881a:trcvipcssctlr 881d:trccntrldvr3 881e:trcidr11 881f:trcimspec3 8820:trcconfigr 8825:trccntctlr0 8826:trcidr12
8827:trcimspec4 882d:trccntctlr1 882e:trcidr13 882f:trcimspec5 8830:trcauxctlr 8834:trcseqrstevr 8835:trccntctlr2 8837:trcimspec6 883c:trcseqstr
883d:trccntctlr3 883f:trcimspec7 8840:trceventctl0r 8842:trcvdctlr 8844:trcextinselr0 8845:trccntvr0 8847:trcidr0 8848:trceventctl1r 884a:trcvdsacctlr
884c:trcextinselr1 884d:trccntvr1 884f:trcidr1 8850:trcrsr 8852:trcvdarcctlr 8854:trcextinselr2 8855:trccntvr2 8857:trcidr2 8858:trcstallctlr
885c:trcextinselr3 885d:trccntvr3 885f:trcidr3 8860:trctsctlr 8867:trcidr4 8868:trcsyncpr 886f:trcidr5 8870:trcccctlr 8877:trcidr6 8878:trcbbctlr
887f:trcidr7 8881:trcrsctlr16 8882:trcssccr0 8883:trcsspcicr0 8884:trcoslar 8889:trcrsctlr17 888a:trcssccr1 888b:trcsspcicr1 888c:trcoslsr
8890:trcrsctlr2 8891:trcrsctlr18 8892:trcssccr2 8893:trcsspcicr2 8898:trcrsctlr3 8899:trcrsctlr19 889a:trcssccr3 889b:trcsspcicr3 88a0:trcrsctlr4
88a1:trcrsctlr20 88a2:trcssccr4 88a3:trcsspcicr4 88a4:trcpdcr 88a8:trcrsctlr5 88a9:trcrsctlr21 88aa:trcssccr5 88ab:trcsspcicr5 88ac:trcpdsr
88b0:trcrsctlr6 88b1:trcrsctlr22 88b2:trcssccr6 88b3:trcsspcicr6 88b8:trcrsctlr7 88b9:trcrsctlr23 88ba:trcssccr7 88bb:trcsspcicr7 88c0:trcrsctlr8
88c1:trcrsctlr24 88c2:trcsscsr0 88c8:trcrsctlr9 88c9:trcrsctlr25 88ca:trcsscsr1 88d0:trcrsctlr10 88d1:trcrsctlr26 88d2:trcsscsr2 88d8:trcrsctlr11
88d9:trcrsctlr27 88da:trcsscsr3 88e0:trcrsctlr12 88e1:trcrsctlr28 88e2:trcsscsr4 88e8:trcrsctlr13 88e9:trcrsctlr29 88ea:trcsscsr5 88f0:trcrsctlr14
88f1:trcrsctlr30 88f2:trcsscsr6 88f8:trcrsctlr15 88f9:trcrsctlr31 88fa:trcsscsr7 8900:trcacvr0 8901:trcacvr8 8902:trcacatr0 8903:trcacatr8
8904:trcdvcvr0 8905:trcdvcvr4 8906:trcdvcmr0 8907:trcdvcmr4 8910:trcacvr1 8911:trcacvr9 8912:trcacatr1 8913:trcacatr9 8920:trcacvr2 8921:trcacvr10
8922:trcacatr2 8923:trcacatr10 8924:trcdvcvr1 8925:trcdvcvr5 8926:trcdvcmr1 8927:trcdvcmr5 8930:trcacvr3 8931:trcacvr11 8932:trcacatr3 8933:trcacatr11
8940:trcacvr4 8941:trcacvr12 8942:trcacatr4 8943:trcacatr12 8944:trcdvcvr2 8945:trcdvcvr6 8946:trcdvcmr2 8947:trcdvcmr6 8950:trcacvr5 8951:trcacvr13
8952:trcacatr5 8953:trcacatr13 8960:trcacvr6 8961:trcacvr14 8962:trcacatr6 8963:trcacatr14 8964:trcdvcvr3 8965:trcdvcvr7 8966:trcdvcmr3 8967:trcdvcmr7
8970:trcacvr7 8971:trcacvr15 8972:trcacatr7 8973:trcacatr15 8980:trccidcvr0 8981:trcvmidcvr0 8982:trccidcctlr0 898a:trccidcctlr1 8990:trccidcvr1
8991:trcvmidcvr1 8992:trcvmidcctlr0 899a:trcvmidcctlr1 89a0:trccidcvr2 89a1:trcvmidcvr2 89b0:trccidcvr3 89b1:trcvmidcvr3 89c0:trccidcvr4
89c1:trcvmidcvr4 89d0:trccidcvr5 89d1:trcvmidcvr5 89e0:trccidcvr6 89e1:trcvmidcvr6 89f0:trccidcvr7 89f1:trcvmidcvr7 8b84:trcitctrl 8b97:trcdevid
8b9f:trcdevtype 8ba7:trcpidr4 8baf:trcpidr5 8bb7:trcpidr6 8bbf:trcpidr7 8bc6:trcclaimset 8bc7:trcpidr0 8bce:trcclaimclr 8bcf:trcpidr1 8bd6:trcdevaff0
8bd7:trcpidr2 8bde:trcdevaff1 8bdf:trcpidr3 8be6:trclar 8be7:trccidr0 8bee:trclsr 8bef:trccidr1 8bf6:trcauthstatus 8bf7:trccidr2 8bfe:trcdevarch
8bff:trccidr3 8c00:brbinf0_el1 8c01:brbsrc0_el1 8c02:brbtgt0_el1 8c04:brbinf16_el1 8c05:brbsrc16_el1 8c06:brbtgt16_el1 8c08:brbinf1_el1
8c09:brbsrc1_el1 8c0a:brbtgt1_el1 8c0c:brbinf17_el1 8c0d:brbsrc17_el1 8c0e:brbtgt17_el1 8c10:brbinf2_el1 8c11:brbsrc2_el1 8c12:brbtgt2_el1
8c14:brbinf18_el1 8c15:brbsrc18_el1 8c16:brbtgt18_el1 8c18:brbinf3_el1 8c19:brbsrc3_el1 8c1a:brbtgt3_el1 8c1c:brbinf19_el1 8c1d:brbsrc19_el1
8c1e:brbtgt19_el1 8c20:brbinf4_el1 8c21:brbsrc4_el1 8c22:brbtgt4_el1 8c24:brbinf20_el1 8c25:brbsrc20_el1 8c26:brbtgt20_el1 8c28:brbinf5_el1
8c29:brbsrc5_el1 8c2a:brbtgt5_el1 8c2c:brbinf21_el1 8c2d:brbsrc21_el1 8c2e:brbtgt21_el1 8c30:brbinf6_el1 8c31:brbsrc6_el1 8c32:brbtgt6_el1
8c34:brbinf22_el1 8c35:brbsrc22_el1 8c36:brbtgt22_el1 8c38:brbinf7_el1 8c39:brbsrc7_el1 8c3a:brbtgt7_el1 8c3c:brbinf23_el1 8c3d:brbsrc23_el1
8c3e:brbtgt23_el1 8c40:brbinf8_el1 8c41:brbsrc8_el1 8c42:brbtgt8_el1 8c44:brbinf24_el1 8c45:brbsrc24_el1 8c46:brbtgt24_el1 8c48:brbinf9_el1
8c49:brbsrc9_el1 8c4a:brbtgt9_el1 8c4c:brbinf25_el1 8c4d:brbsrc25_el1 8c4e:brbtgt25_el1 8c50:brbinf10_el1 8c51:brbsrc10_el1 8c52:brbtgt10_el1
8c54:brbinf26_el1 8c55:brbsrc26_el1 8c56:brbtgt26_el1 8c58:brbinf11_el1 8c59:brbsrc11_el1 8c5a:brbtgt11_el1 8c5c:brbinf27_el1 8c5d:brbsrc27_el1
8c5e:brbtgt27_el1 8c60:brbinf12_el1 8c61:brbsrc12_el1 8c62:brbtgt12_el1 8c64:brbinf28_el1 8c65:brbsrc28_el1 8c66:brbtgt28_el1 8c68:brbinf13_el1
8c69:brbsrc13_el1 8c6a:brbtgt13_el1 8c6c:brbinf29_el1 8c6d:brbsrc29_el1 8c6e:brbtgt29_el1 8c70:brbinf14_el1 8c71:brbsrc14_el1 8c72:brbtgt14_el1
8c74:brbinf30_el1 8c75:brbsrc30_el1 8c76:brbtgt30_el1 8c78:brbinf15_el1 8c79:brbsrc15_el1 8c7a:brbtgt15_el1 8c7c:brbinf31_el1 8c7d:brbsrc31_el1
8c7e:brbtgt31_el1 c208:sp_el0 c210:spsel c212:currentel c213:pan c214:uao c601:rvbar_el1 c602:rmr_el1 d920:rndr d921:rndrrs da10:nzcv da11:daif
da15:dit da16:ssbs da17:tco da28:dspsr_el0 da29:dlr_el0 de96:amcg1idr_el0 df00:cntfrq_el0 e099:sder32_el2 e130:vsttbr_el2 e132:vstcr_el2 e2b0:tfsr_el2
e687:scxtnum_el2 e6c0:amevcntvoff00_el2 e6c1:amevcntvoff01_el2 e6c2:amevcntvoff02_el2 e6c3:amevcntvoff03_el2 e6c4:amevcntvoff04_el2
e6c5:amevcntvoff05_el2 e6c6:amevcntvoff06_el2 e6c7:amevcntvoff07_el2 e6c8:amevcntvoff08_el2 e6c9:amevcntvoff09_el2 e6ca:amevcntvoff010_el2
e6cb:amevcntvoff011_el2 e6cc:amevcntvoff012_el2 e6cd:amevcntvoff013_el2 e6ce:amevcntvoff014_el2 e6cf:amevcntvoff015_el2 e6d0:amevcntvoff10_el2
e6d1:amevcntvoff11_el2 e6d2:amevcntvoff12_el2 e6d3:amevcntvoff13_el2 e6d4:amevcntvoff14_el2 e6d5:amevcntvoff15_el2 e6d6:amevcntvoff16_el2
e6d7:amevcntvoff17_el2 e6d8:amevcntvoff18_el2 e6d9:amevcntvoff19_el2 e6da:amevcntvoff110_el2 e6db:amevcntvoff111_el2 e6dc:amevcntvoff112_el2
e6dd:amevcntvoff113_el2 e6de:amevcntvoff114_el2 e6df:amevcntvoff115_el2 e720:cnthvs_tval_el2 e721:cnthvs_ctl_el2 e722:cnthvs_cval_el2
e728:cnthps_tval_el2 e729:cnthps_ctl_el2 e72a:cnthps_cval_el2 e900:ttbr0_el12 e901:ttbr1_el12 ea00:spsr_el12 ea01:elr_el12 ea88:afsr0_el12
ea89:afsr1_el12 ea90:esr_el12 eab0:tfsr_el12 ecc8:pmscr_el12 ed10:mair_el12 ed18:amair_el12 ee00:vbar_el12 ee87:scxtnum_el12 f080:sctlr_el3
f081:actlr_el3 f088:scr_el3 f089:sder32_el3 f08a:cptr_el3 f090:zcr_el3 f096:smcr_el3 f099:mdcr_el3 f100:ttbr0_el3 f102:tcr_el3 f10c:gptbr_el3
f10e:gpccr_el3 f200:spsr_el3 f201:elr_el3 f288:afsr0_el3 f289:afsr1_el3 f290:esr_el3 f2b0:tfsr_el3 f300:far_el3 f305:mfar_el3 f510:mair_el3
f518:amair_el3 f528:mpam3_el3 f600:vbar_el3 f601:rvbar_el3 f602:rmr_el3 f664:icc_ctlr_el3 f665:icc_sre_el3 f667:icc_igrpen1_el3 f682:tpidr_el3
f687:scxtnum_el3 ff10:cntps_tval_el1 ff11:cntps_ctl_el1 ff12:cntps_cval_el1
`
