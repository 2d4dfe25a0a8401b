// The built-in guest: brings up its vCPUs, asks the firmware and the CPU everything a guest can ask, writes the answers to memory, and asks again
// for ever, comparing. It uses no FP register, no interrupt and no MMU, so that it runs on any build.
#include "layout.h"

typedef unsigned long u64;
typedef unsigned int u32;

extern void call_hvc(u64 registers[4]);
extern void call_smc(u64 registers[4]);
extern u64 read_registers(u64 rows, u64 valueOffset);
extern void count_exclusive(u64 address);
extern char secondary_entry[], resume_entry[];

#define NOT_SUPPORTED (~0ul)
#define PSCI32(n) (0x84000000ul + (n))
#define PSCI64(n) (0xc4000000ul + (n))
#define PSCI_VERSION PSCI32(0)
#define PSCI_FEATURES PSCI32(0x0a)
#define SMCCC_VERSION 0x80000000ul
#define ARCH_FEATURES 0x80000001ul

static inline u64 get64(u64 address) { return *(volatile u64 *)address; }
static inline void put64(u64 address, u64 value) { *(volatile u64 *)address = value; }
static inline u32 get32(u64 address) { return *(volatile u32 *)address; }
static inline void put32(u64 address, u32 value) { *(volatile u32 *)address = value; }

/* ---- console ---- */
static void put_char(char c)
{
	while (get32(UART_BASE + 0x18) & (1u << 5))
		;
	put32(UART_BASE, (u32)(unsigned char)c);
}
static void put_text(const char *text)
{
	for (; *text; text++)
		put_char(*text);
}
static void put_number(u64 value)
{
	char digits[20];
	int n = 0;
	do
		digits[n++] = '0' + value % 10;
	while (value /= 10);
	while (n)
		put_char(digits[--n]);
}
static void put_version(u64 version)
{
	if (version == NOT_SUPPORTED) {
		put_text("0.1");
		return;
	}
	put_number(version >> 16);
	put_char('.');
	put_number(version & 0xffff);
}

/* ---- questions ---- */
struct question {
	u32 function;
	u32 argument;
	u32 flags;
};
static const struct question QUESTIONS[] = {
	{ 0x84000000, 0, 0 }, { 0x84000006, 0, 0 }, { 0x80000000, 0, 0 },
	// PSCI_FEATURES of SMCCC_VERSION; of the functions of either width: see ask_all
	{ 0x8400000a, 0x80000000, 0 },
	// workarounds, SOC_ID and PV time through SMCCC_ARCH_FEATURES, then the workaround calls themselves
	{ 0x80000001, 0x80008000, 0 }, { 0x80000001, 0x80007fff, 0 }, { 0x80000001, 0x80003fff, 0 }, { 0x80000001, 0x80000002, 0 },
	{ 0x80000001, 0xc5000020, 0 }, { 0x80008000, 0, 0 }, { 0x80007fff, 1, 0 }, { 0x80003fff, 0, 0 },
	// TRNG: version, features of each function, UUID
	{ 0x84000050, 0, 0 }, { 0x84000051, 0x84000050, 0 }, { 0x84000051, 0x84000051, 0 }, { 0x84000051, 0x84000052, 0 },
	{ 0x84000051, 0x84000053, 0 }, { 0x84000051, 0xc4000053, 0 }, { 0x84000052, 0, 0 }, { 0xc4000053, 64, Q_PRESENCE },
	// PV time
	{ 0xc5000020, 0xc5000020, 0 }, { 0xc5000020, 0xc5000021, 0 }, { 0xc5000021, 0, 0 },
	// vendor services: UID, features, clock, implementation discovery
	{ 0x8600ff01, 0, 0 }, { 0x86000000, 0, 0 }, { 0x86000001, 0, Q_PRESENCE }, { 0x86000001, 1, Q_PRESENCE }, { 0xc6000040, 0, 0 }, { 0xc6000041, 0, 0 },
	// the other conduit, as information
	{ 0x84000000, 0, Q_SMC }, { 0x80000000, 0, Q_SMC }, { 0x80000001, 0x80008000, Q_SMC }, { 0x84000050, 0, Q_SMC }, { 0x8600ff01, 0, Q_SMC },
};
#define LAST_PSCI_FUNCTION 0x15

static u64 call(u64 function, u64 x1, u64 x2, u64 x3)
{
	u64 registers[4] = { function, x1, x2, x3 };
	call_hvc(registers);
	return registers[0];
}

// Asks one thing and files it as row `index`; 1 when it differs from boot.
static u64 ask(u64 index, u64 first, u32 function, u64 argument, u32 flags)
{
	u64 row = REPORT + R_QUESTION_ROWS + index * QUESTION_ROW;
	u64 registers[4] = { function, argument, 0, 0 };
	if (flags & Q_SMC)
		call_smc(registers);
	else
		call_hvc(registers);
	put64(row, function);
	put64(row + 8, argument);
	put64(row + 16, flags);
	u64 differs = 0;
	for (u64 n = 0; n < 4; n++) {
		put64(row + 0x40 + n * 8, registers[n]);
		if (first)
			put64(row + 0x20 + n * 8, registers[n]);
		else if (!(flags & Q_PRESENCE))
			differs |= get64(row + 0x20 + n * 8) != registers[n];
	}
	if (!first && (flags & Q_PRESENCE))
		differs = (get64(row + 0x20) == NOT_SUPPORTED) != (registers[0] == NOT_SUPPORTED);
	return differs;
}

// MPIDR affinity of vCPU `index` as KVM numbers them.
static u64 affinity(u64 index) { return (index & 15) | (index >> 4 & 255) << 8; }

static u64 ask_all(u64 first, u64 vcpus)
{
	u64 index = 0, differences = 0;
	for (u64 n = 0; n < sizeof QUESTIONS / sizeof QUESTIONS[0]; n++)
		differences += ask(index++, first, QUESTIONS[n].function, QUESTIONS[n].argument, QUESTIONS[n].flags);
	for (u64 n = 0; n <= LAST_PSCI_FUNCTION; n++)
		differences += ask(index++, first, PSCI_FEATURES, PSCI32(n), 0);
	for (u64 n = 0; n <= LAST_PSCI_FUNCTION; n++)
		differences += ask(index++, first, PSCI_FEATURES, PSCI64(n), 0);
	for (u64 n = 0; n < vcpus; n++)
		differences += ask(index++, first, PSCI64(4), affinity(n), 0);
	put32(REPORT + R_QUESTIONS, index);

	u64 rows = REPORT + R_REGISTER_ROWS;
	u64 registers = read_registers(rows, first ? 8 : 16);
	for (u64 n = 0; n < registers; n++, rows += REGISTER_ROW) {
		if (first)
			put64(rows + 16, get64(rows + 8));
		differences += get64(rows + 8) != get64(rows + 16);
	}
	put32(REPORT + R_REGISTERS, registers);
	return differences;
}

/* ---- vCPUs ---- */
// Passes of waiting for another vCPU: one that the VMM moved elsewhere or never started must not hang the guest.
#define PATIENCE 1000000
static u64 vcpu_row(u64 index) { return REPORT + R_VCPU_ROWS + index * VCPU_ROW; }

static void note_round(u64 index)
{
	u64 row = vcpu_row(index), mpidr, version = call(PSCI_VERSION, 0, 0, 0);
	asm volatile("mrs %0, mpidr_el1" : "=r"(mpidr));
	if (get64(row) == 0)
		put64(row + 8, version);
	put64(row + 16, version);
	put64(row + 24, mpidr);
	put64(row, get64(row) + 1);
	if (get32(PARAMS + P_FLAGS) & FLAG_EXCLUSIVE)
		count_exclusive(REPORT + R_SHARED);
}

static void pause_between_rounds(void)
{
	for (u64 n = get64(PARAMS + P_DELAY); n; n--)
		asm volatile("");
}

void secondary(u64 index)
{
	for (;;) {
		note_round(index);
		if (get64(REPORT + R_OFFLINE)) {
			// The id of PSCI 0.1 where there is no other.
			call(get64(vcpu_row(index) + 16) == NOT_SUPPORTED ? 0x95c1ba5f : PSCI32(2), 0, 0, 0);
		}
		asm volatile("wfe");
	}
}

// Starts every secondary; a vCPU that is on already answers ALREADY_ON, which is as good.
static void start_secondaries(u64 vcpus, u64 version)
{
	put64(REPORT + R_OFFLINE, 0);
	for (u64 n = 1; n < vcpus; n++)
		call(version == NOT_SUPPORTED ? 0x95c1ba60 : PSCI64(3), affinity(n), (u64)secondary_entry, n);
}

// PSCI wants the caller to be the only vCPU that is on.
static void stop_secondaries(u64 vcpus, u64 version)
{
	put64(REPORT + R_OFFLINE, 1);
	if (version == NOT_SUPPORTED)
		return;
	for (u64 n = 1; n < vcpus; n++)
		for (u64 tries = PATIENCE; tries && call(PSCI64(4), affinity(n), 0, 0) == 0; tries--)
			asm volatile("sev");
}

static void act(u64 vcpus, u64 version)
{
	u32 action = get32(PARAMS + P_ACTION);
	u64 arg1 = get64(PARAMS + P_ARG1), arg2 = get64(PARAMS + P_ARG2), result;
	put64(REPORT + R_ACTION_DONE, 1);
	switch (action) {
	case ACTION_OFF:
		result = call(PSCI32(8), 0, 0, 0);
		break;
	case ACTION_RESET:
		result = call(PSCI32(9), 0, 0, 0);
		break;
	case ACTION_RESET2:
		result = call(PSCI64(0x12), arg1, arg2, 0);
		break;
	case ACTION_HIBERNATE:
		stop_secondaries(vcpus, version);
		result = call(PSCI64(0x15), arg1, arg2, 0);
		break;
	default:
		stop_secondaries(vcpus, version);
		result = call(PSCI64(0x0e), (u64)resume_entry, arg1, 0);
		break;
	}
	put64(REPORT + R_ACTION_RESULT, result);
	put64(REPORT + R_ACTION_DONE, 2);
	start_secondaries(vcpus, version);
}

void primary(u64 resumed)
{
	u64 vcpus = get32(PARAMS + P_VCPUS), version = call(PSCI_VERSION, 0, 0, 0), reported = 0;
	if (get64(PARAMS + P_MAGIC) != PARAMS_MAGIC || vcpus < 1 || vcpus > MAX_VCPUS)
		vcpus = 1;
	put64(REPORT + R_MAGIC, REPORT_MAGIC);
	put32(REPORT + R_VERSION, REPORT_VERSION);
	put32(REPORT + R_VCPUS, vcpus);
	put64(REPORT + (resumed ? R_RESUMES : R_BOOTS), get64(REPORT + (resumed ? R_RESUMES : R_BOOTS)) + 1);
	put_text(resumed ? "psci-snap guest resumes: PSCI " : "psci-snap guest: PSCI ");
	put_version(version);
	put_text(", SMCCC ");
	u64 smccc = call(SMCCC_VERSION, 0, 0, 0);
	if (smccc == NOT_SUPPORTED)
		put_text("none");
	else
		put_version(smccc);
	put_text(", vCPUs ");
	put_number(vcpus);
	put_char('\n');
	start_secondaries(vcpus, version);
	// AFFINITY_INFO is compared too: every vCPU is on before the first question and stays so.
	for (u64 n = 1; n < vcpus; n++)
		for (u64 before = get64(vcpu_row(n)), tries = PATIENCE; tries && get64(vcpu_row(n)) == before; tries--)
			asm volatile("sev");
	for (;;) {
		u64 generation = get64(REPORT + R_GENERATION);
		u64 differences = ask_all(generation == 0, vcpus);
		put64(REPORT + R_DIFFERENCES, differences);
		put64(REPORT + R_GENERATION, generation + 1);
		note_round(0);
		if (differences != reported) {
			u64 row = REPORT + R_QUESTION_ROWS;
			put_text("psci-snap guest: ");
			put_number(differences);
			put_text(" answers changed, PSCI ");
			put_version(get64(row + 0x20));
			put_text(" -> ");
			put_version(get64(row + 0x40));
			put_char('\n');
			reported = differences;
		}
		asm volatile("sev");
		if (get32(PARAMS + P_ACTION) != ACTION_NONE && get64(REPORT + R_ACTION_DONE) == 0 && generation + 1 >= get32(PARAMS + P_ROUNDS))
			act(vcpus, version);
		pause_between_rounds();
	}
}
