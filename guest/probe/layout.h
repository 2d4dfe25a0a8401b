// Where the probe guest keeps what the host reads. The host's side of the same layout is src/emulator/board/guest/layout.ts; a test compares the two.
#ifndef LAYOUT_H
#define LAYOUT_H

#define RAM_BASE        0x40000000
#define PARAMS          0x40000000 // written by the host before the first run
#define REPORT          0x40001000 // written by the guest
#define IMAGE_BASE      0x40080000 // entry point, first byte of the image
#define STACK_BASE      0x400a0000 // vCPU n's stack ends at STACK_BASE + (n + 1) * STACK_SIZE
#define STACK_SIZE      0x1000
#define MAX_VCPUS       64
#define UART_BASE       0x09000000

#define PARAMS_MAGIC    0x4d52415050414e53 // "SNAPPARM"
#define REPORT_MAGIC    0x54504552504e5350 // "PSNPREPT"
#define REPORT_VERSION  1

// Offsets in the parameter block.
#define P_MAGIC         0x00
#define P_VCPUS         0x08 // u32: vCPUs to bring up, 1 to 64
#define P_ACTION        0x0c // u32: one of ACTION_*
#define P_ROUNDS        0x10 // u32: rounds of questions before the action
#define P_FLAGS         0x14 // u32: FLAG_*
#define P_ARG1          0x18 // u64: first argument of the action's call
#define P_ARG2          0x20 // u64: second one
#define P_DELAY         0x28 // u64: empty loop passes between rounds

#define ACTION_NONE     0
#define ACTION_OFF      1
#define ACTION_HIBERNATE 2 // SYSTEM_OFF2
#define ACTION_SUSPEND  3
#define ACTION_RESET    4
#define ACTION_RESET2   5
#define FLAG_EXCLUSIVE  1 // every vCPU also counts in R_SHARED with LDXR/STXR

// Offsets in the report.
#define R_MAGIC         0x00
#define R_VERSION       0x08 // u32
#define R_VCPUS         0x0c // u32: vCPUs asked for
#define R_GENERATION    0x10 // u64: complete rounds; the first one fills "boot", each later one "now"
#define R_QUESTIONS     0x18 // u32: rows at R_QUESTION_ROWS
#define R_REGISTERS     0x1c // u32: rows at R_REGISTER_ROWS
#define R_DIFFERENCES   0x20 // u64: rows that differ from boot in the last complete round
#define R_ACTION_RESULT 0x28 // u64: X0 when the action's call came back
#define R_ACTION_DONE   0x30 // u64: 1 before the call, 2 when it came back
#define R_EXCEPTIONS    0x38 // u64: synchronous exceptions taken; UNDEFINED instructions are skipped
#define R_ESR           0x40
#define R_ELR           0x48
#define R_FAR           0x50
#define R_BOOTS         0x58 // u64: times the entry point ran
#define R_RESUMES       0x60 // u64: times the SYSTEM_SUSPEND entry point ran
#define R_SHARED        0x68 // u64: shared counter of FLAG_EXCLUSIVE
#define R_OFFLINE       0x70 // u64: secondaries shall call CPU_OFF
#define R_VCPU_ROWS     0x100
#define R_QUESTION_ROWS 0x1000
#define R_REGISTER_ROWS 0x6000

// One vCPU row: rounds, PSCI_VERSION at its first round, PSCI_VERSION at its last, MPIDR_EL1.
#define VCPU_ROW        0x20
// One question: function id, X1, flags, state of vCPU; X0..X3 at boot; X0..X3 now.
#define QUESTION_ROW    0x60
#define Q_SMC           1 // asked with SMC #0 instead of HVC #0
#define Q_PRESENCE      2 // only "NOT_SUPPORTED or not" counts: the answer itself changes with time
// One register: encoding (op0 to op2 as in MRS), value at boot, value now. UNREADABLE when the read was UNDEFINED.
#define REGISTER_ROW    0x18
#define UNREADABLE      0xfee1deadfee1dead

#endif
