/*
 * A second reader of what KVM/arm64 shows a guest, independent of the project's own: the lab compares the two.
 *
 * Prints "register <id> <value>" for each register of at most 8 bytes of KVM_GET_REG_LIST, "other <id>" for the wider
 * ones, "masks <index> <mask>" for the writable masks, "sve <word0>", and "end". The vCPU has every feature that the
 * host offers to a 64-bit guest. Exit status 1 with a line on standard error if a call fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#ifndef KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES
#define KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES 230
#endif

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

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0) {
		fprintf(stderr, "reader: /dev/kvm: %s\n", strerror(errno));
		return 1;
	}
	int vm = call("KVM_CREATE_VM", kvm, KVM_CREATE_VM, 40);
	int vcpu = call("KVM_CREATE_VCPU", vm, KVM_CREATE_VCPU, 0);
	struct kvm_vcpu_init init;

	call("KVM_ARM_PREFERRED_TARGET", vm, KVM_ARM_PREFERRED_TARGET, (unsigned long)&init);
	init.features[0] |= 1 << KVM_ARM_VCPU_PSCI_0_2;
	if (offers(kvm, KVM_CAP_ARM_PMU_V3))
		init.features[0] |= 1 << KVM_ARM_VCPU_PMU_V3;
	if (offers(kvm, KVM_CAP_ARM_SVE))
		init.features[0] |= 1 << KVM_ARM_VCPU_SVE;
	if (offers(kvm, KVM_CAP_ARM_PTRAUTH_ADDRESS) && offers(kvm, KVM_CAP_ARM_PTRAUTH_GENERIC))
		init.features[0] |= 1 << KVM_ARM_VCPU_PTRAUTH_ADDRESS | 1 << KVM_ARM_VCPU_PTRAUTH_GENERIC;
	call("KVM_ARM_VCPU_INIT", vcpu, KVM_ARM_VCPU_INIT, (unsigned long)&init);
	if (init.features[0] & 1 << KVM_ARM_VCPU_SVE) {
		uint64_t words[8] = {0};
		struct kvm_one_reg lengths = {KVM_REG_ARM64_SVE_VLS, (uintptr_t)words};
		int feature = KVM_ARM_VCPU_SVE;

		call("KVM_GET_ONE_REG SVE_VLS", vcpu, KVM_GET_ONE_REG, (unsigned long)&lengths);
		printf("sve 0x%016llx\n", (unsigned long long)words[0]);
		call("KVM_ARM_VCPU_FINALIZE", vcpu, KVM_ARM_VCPU_FINALIZE, (unsigned long)&feature);
	}

	struct kvm_reg_list count = {0};

	if (ioctl(vcpu, KVM_GET_REG_LIST, &count) == 0 || errno != E2BIG) {
		fprintf(stderr, "reader: KVM_GET_REG_LIST did not say how long it is\n");
		return 1;
	}
	struct kvm_reg_list *list = calloc(1, sizeof(*list) + count.n * sizeof(list->reg[0]));

	list->n = count.n;
	call("KVM_GET_REG_LIST", vcpu, KVM_GET_REG_LIST, (unsigned long)list);
	for (uint64_t i = 0; i < list->n; i++) {
		uint64_t id = list->reg[i];
		uint64_t value = 0;
		struct kvm_one_reg reg = {id, (uintptr_t)&value};

		if (((id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT) > 3)
			printf("other 0x%016llx\n", (unsigned long long)id);
		else if (ioctl(vcpu, KVM_GET_ONE_REG, &reg) == 0)
			printf("register 0x%016llx 0x%016llx\n", (unsigned long long)id, (unsigned long long)value);
	}
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
	puts("end");
	return 0;
}
