/*
 * A guest without an operating system that prints what it reads of its own registers, for the lab: the guest's side of
 * what the project says a guest sees. Boots as the kernel of QEMU's virt machine, prints to its PL011 and powers off.
 *
 * Prints "register <KVM register id> <value>" for the feature ID space, caches, PMCR_EL0, ACTLR_EL1, the PSCI version,
 * the SMCCC workarounds and the hypercall bitmaps as far as a guest can tell, "sve <word 0 of the vector lengths>", and
 * "end". A register whose read is undefined in this guest is left out.
 */
typedef unsigned long u64;
typedef unsigned int u32;

/* Where the virt machine has its first UART. */
#define PL011_DATA (*(volatile u32 *)0x09000000)

#define SYSREG(op0, op1, crn, crm, op2) \
	(0x6030000000130000ul | op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2)
#define FIRMWARE(n) (0x6030000000140000ul | (n))
#define BITMAP(n) (0x6030000000160000ul | (n))
#define CCSIDR(n) (0x6020000000110000ul | (n))

/* Set by the exception vector, which skips the instruction that is undefined. */
volatile u64 undefined;

__asm__(".arch armv8-a+sve\n"
	".global _start\n"
	"_start:\n"
	"	adrp x0, stack_top\n"
	"	mov sp, x0\n"
	"	adrp x0, vectors\n"
	"	msr vbar_el1, x0\n"
	"	mov x0, #(3 << 20 | 3 << 16)\n" /* CPACR_EL1: neither FP nor SVE trap */
	"	msr cpacr_el1, x0\n"
	"	isb\n"
	"	bl main\n"
	".balign 4096\n"
	"vectors:\n"
	"	.skip 0x200\n" /* current EL with SP_ELx: synchronous */
	"	stp x0, x1, [sp, #-16]!\n"
	"	mrs x0, elr_el1\n"
	"	add x0, x0, #4\n"
	"	msr elr_el1, x0\n"
	"	adrp x0, undefined\n"
	"	add x0, x0, :lo12:undefined\n"
	"	mov x1, #1\n"
	"	str x1, [x0]\n"
	"	ldp x0, x1, [sp], #16\n"
	"	eret\n"
	".balign 4096\n"
	".bss\n"
	".balign 4096\n"
	"	.skip 16384\n"
	"stack_top:\n"
	".skip 16\n"
	".text\n");

static void print(const char *text)
{
	while (*text)
		PL011_DATA = *text++;
}

static void print_hex(u64 value)
{
	print(" 0x");
	for (int shift = 60; shift >= 0; shift -= 4)
		PL011_DATA = "0123456789abcdef"[value >> shift & 15];
}

static void show(u64 id, u64 value)
{
	print("register");
	print_hex(id);
	print_hex(value);
	print("\n");
}

static u64 call(u64 function, u64 argument)
{
	register u64 x0 __asm__("x0") = function;
	register u64 x1 __asm__("x1") = argument;
	register u64 x2 __asm__("x2") = 0;
	register u64 x3 __asm__("x3") = 0;

	__asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory");
	return x0;
}

/* SMCCC_ARCH_FEATURES: the calling convention's "not supported" is -1. */
static int supports(u64 function)
{
	return (int)call(0x80000001, function);
}

#define READ(op1, crn, crm, op2)                                                                     \
	do {                                                                                         \
		u64 value = 0;                                                                       \
		undefined = 0;                                                                       \
		__asm__ volatile("mrs %0, S3_" #op1 "_C" #crn "_C" #crm "_" #op2 : "+r"(value));     \
		if (!undefined)                                                                      \
			show(SYSREG(3ul, op1##ul, crn##ul, crm##ul, op2##ul), value);                \
	} while (0)
#define READ_ROW(crm)            \
	do {                     \
		READ(0, 0, crm, 0); \
		READ(0, 0, crm, 1); \
		READ(0, 0, crm, 2); \
		READ(0, 0, crm, 3); \
		READ(0, 0, crm, 4); \
		READ(0, 0, crm, 5); \
		READ(0, 0, crm, 6); \
		READ(0, 0, crm, 7); \
	} while (0)

static void show_workaround(int number, u64 function, u64 not_required)
{
	int level = supports(function);

	show(FIRMWARE(number), level < 0 ? 0 : level == 0 ? 1 : not_required);
}

void main(void)
{
	u64 lengths = 0;
	u64 value = 0;

	READ(0, 0, 0, 0); /* MIDR_EL1 */
	READ(0, 0, 0, 6); /* REVIDR_EL1 */
	READ_ROW(1);
	READ_ROW(2);
	READ_ROW(3);
	READ_ROW(4);
	READ_ROW(5);
	READ_ROW(6);
	READ_ROW(7);
	READ(1, 0, 0, 1); /* CLIDR_EL1 */
	READ(1, 0, 0, 7); /* AIDR_EL1 */
	READ(3, 0, 0, 1); /* CTR_EL0 */
	READ(0, 1, 0, 1); /* ACTLR_EL1 */
	READ(3, 9, 12, 0); /* PMCR_EL0 */
	for (u64 cache = 0; cache < 14; cache++) {
		__asm__ volatile("msr csselr_el1, %1\n\tisb\n\tmrs %0, ccsidr_el1" : "=r"(value) : "r"(cache));
		show(CCSIDR(cache), value);
	}
	show(FIRMWARE(0), call(0x84000000, 0)); /* PSCI_VERSION */
	show_workaround(1, 0x80008000, 2);
	show_workaround(2, 0x80007fff, 3);
	show_workaround(3, 0x80003fff, 2);
	show(BITMAP(0), (int)call(0x84000050, 0) >= 0); /* TRNG_VERSION */
	show(BITMAP(1), supports(0xc5000020) >= 0);	/* PV_TIME_FEATURES */
	value = call(0x86000000, 0);			/* features of the vendor's hypervisor calls */
	show(BITMAP(2), (int)value < 0 ? 0 : value);

	__asm__ volatile("mrs %0, S3_0_C0_C4_0" : "=r"(value)); /* ID_AA64PFR0_EL1.SVE */
	for (u64 vq = 1; (value >> 32 & 15) && vq <= 16; vq++) {
		u64 bytes;

		__asm__ volatile("msr S3_0_C1_C2_0, %1\n\tisb\n\trdvl %0, #1" : "=r"(bytes) : "r"(vq - 1));
		if (bytes == 16 * vq)
			lengths |= 1ul << (vq - 1);
	}
	print("sve");
	print_hex(lengths);
	print("\nend\n");
	call(0x84000008, 0); /* SYSTEM_OFF */
	for (;;)
		;
}
