/*
 * A second reader of what KVM/arm64 shows a guest, independent of the project's own: the lab compares the two.
 *
 * Prints "register <id> <value>" for each register of at most 8 bytes of KVM_GET_REG_LIST, "other <id>" for the wider
 * ones, "masks <index> <mask>" for the writable masks and "sve <word0>", of a vCPU with every feature that the host offers
 * to a 64-bit guest. Then for vCPUs without some of them "without <clamp>", the registers that read otherwise and "gone <id>"
 * for those that are not listed; at last "end". Exit status 1 with a line on standard error if a call fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES
#define KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES 230
#endif

#define PMU (1u << KVM_ARM_VCPU_PMU_V3)
#define SVE (1u << KVM_ARM_VCPU_SVE)
#define PAUTH (1u << KVM_ARM_VCPU_PTRAUTH_ADDRESS | 1u << KVM_ARM_VCPU_PTRAUTH_GENERIC)

struct reading {
	uint64_t sve;
	struct kvm_reg_list *list;
	uint64_t *values;
	char *readable;
};

static int call(const char *name, int fd, unsigned long request, unsigned long argument)
{
	int answer = ioctl(fd, request, argument);

	if (answer < 0) {
		fprintf(stderr, "reader: %s: %s\n", name, strerror(errno));
		exit(1);
	}
	return answer;
}

static int offers(int kvm, int capability)
{
	return ioctl(kvm, KVM_CHECK_EXTENSION, capability) > 0;
}

/* Of a vCPU of this VM with these features. */
static struct reading read_vcpu(int vm, uint32_t features)
{
	struct reading reading = {0};
	int vcpu = call("KVM_CREATE_VCPU", vm, KVM_CREATE_VCPU, 0);
	struct kvm_vcpu_init init;

	call("KVM_ARM_PREFERRED_TARGET", vm, KVM_ARM_PREFERRED_TARGET, (unsigned long)&init);
	init.features[0] |= 1 << KVM_ARM_VCPU_PSCI_0_2 | features;
	call("KVM_ARM_VCPU_INIT", vcpu, KVM_ARM_VCPU_INIT, (unsigned long)&init);
	if (features & SVE) {
		uint64_t words[8] = {0};
		struct kvm_one_reg lengths = {KVM_REG_ARM64_SVE_VLS, (uintptr_t)words};
		int feature = KVM_ARM_VCPU_SVE;

		call("KVM_GET_ONE_REG SVE_VLS", vcpu, KVM_GET_ONE_REG, (unsigned long)&lengths);
		reading.sve = words[0];
		call("KVM_ARM_VCPU_FINALIZE", vcpu, KVM_ARM_VCPU_FINALIZE, (unsigned long)&feature);
	}

	struct kvm_reg_list count = {0};

	if (ioctl(vcpu, KVM_GET_REG_LIST, &count) == 0 || errno != E2BIG) {
		fprintf(stderr, "reader: KVM_GET_REG_LIST did not say how long it is\n");
		exit(1);
	}
	reading.list = calloc(1, sizeof(*reading.list) + count.n * sizeof(reading.list->reg[0]));
	reading.values = calloc(count.n, sizeof(*reading.values));
	reading.readable = calloc(count.n, 1);
	reading.list->n = count.n;
	call("KVM_GET_REG_LIST", vcpu, KVM_GET_REG_LIST, (unsigned long)reading.list);
	for (uint64_t i = 0; i < reading.list->n; i++) {
		uint64_t id = reading.list->reg[i];
		struct kvm_one_reg reg = {id, (uintptr_t)&reading.values[i]};

		if ((id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT <= 3)
			reading.readable[i] = ioctl(vcpu, KVM_GET_ONE_REG, &reg) == 0;
	}
	close(vcpu);
	return reading;
}

/* Where a register is in a reading; -1 if it is not listed. */
static int64_t place(const struct reading *reading, uint64_t id)
{
	for (uint64_t i = 0; i < reading->list->n; i++)
		if (reading->list->reg[i] == id)
			return i;
	return -1;
}

static void print_register(const struct reading *reading, uint64_t i)
{
	unsigned long long id = reading->list->reg[i];

	if ((id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT > 3)
		printf("other 0x%016llx\n", id);
	else if (reading->readable[i])
		printf("register 0x%016llx 0x%016llx\n", id, (unsigned long long)reading->values[i]);
}

static void print_difference(int kvm, const struct reading *full, const char *clamp, uint32_t features)
{
	int vm = call("KVM_CREATE_VM", kvm, KVM_CREATE_VM, 40);
	struct reading less = read_vcpu(vm, features);

	printf("without %s\n", clamp);
	for (uint64_t i = 0; i < full->list->n; i++)
		if (place(&less, full->list->reg[i]) < 0)
			printf("gone 0x%016llx\n", (unsigned long long)full->list->reg[i]);
	for (uint64_t i = 0; i < less.list->n; i++) {
		int64_t was = place(full, less.list->reg[i]);

		if (was < 0 || full->values[was] != less.values[i])
			print_register(&less, i);
	}
	close(vm);
}

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0) {
		fprintf(stderr, "reader: /dev/kvm: %s\n", strerror(errno));
		return 1;
	}
	int vm = call("KVM_CREATE_VM", kvm, KVM_CREATE_VM, 40);
	uint32_t all = 0;

	if (offers(kvm, KVM_CAP_ARM_PMU_V3))
		all |= PMU;
	if (offers(kvm, KVM_CAP_ARM_SVE))
		all |= SVE;
	if (offers(kvm, KVM_CAP_ARM_PTRAUTH_ADDRESS) && offers(kvm, KVM_CAP_ARM_PTRAUTH_GENERIC))
		all |= PAUTH;
	struct reading full = read_vcpu(vm, all);

	if (all & SVE)
		printf("sve 0x%016llx\n", (unsigned long long)full.sve);
	for (uint64_t i = 0; i < full.list->n; i++)
		print_register(&full, i);
	if (ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES) & 1) {
		static uint64_t masks[192];
		/* struct reg_mask_range, which the headers of an older distribution lack */
		struct {
			uint64_t addr;
			uint32_t range;
			uint32_t reserved[13];
		} range = {(uintptr_t)masks, 0, {0}};

		call("KVM_ARM_GET_REG_WRITABLE_MASKS", vm, 0x8040aeb6, (unsigned long)&range);
		for (int i = 0; i < 192; i++)
			if (masks[i])
				printf("masks %d 0x%016llx\n", i, (unsigned long long)masks[i]);
	}
	if (all & PMU)
		print_difference(kvm, &full, "pmu=off", all & ~PMU);
	if (all & SVE)
		print_difference(kvm, &full, "sve=off", all & ~SVE);
	if (all & PAUTH)
		print_difference(kvm, &full, "pauth=off", all & ~PAUTH);
	if (all & (SVE | PAUTH))
		print_difference(kvm, &full, "pmu=off,sve=off,pauth=off", 0);
	puts("end");
	return 0;
}
