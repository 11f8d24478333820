package dev.vmabi.kvm;

import dev.vmabi.abi.VcpuFeature;
import java.util.EnumSet;
import java.util.Set;

/** An open {@code /dev/kvm} whose API version is the known one. For one thread. */
final class Kvm implements AutoCloseable {

    static final String DEVICE = "/dev/kvm";

    /** Enough for any scratch VM, and within what every arm64 host offers. */
    private static final int SCRATCH_IPA_BITS = 40;

    private final Kernel kernel;
    private final int fd;

    private Kvm(Kernel kernel, int fd) {
        this.kernel = kernel;
        this.fd = fd;
    }

    /**
     * Opens the device.
     *
     * @throws KvmUnavailableException if this host offers no KVM, with the reason
     */
    static Kvm open(Kernel kernel) {
        int fd = kernel.open(DEVICE);
        if (fd < 0) {
            throw KvmUnavailableException.onOpen(Errno.ofAnswer(fd));
        }
        int version = kernel.ioctl(fd, Uapi.GET_API_VERSION, 0);
        if (version != Uapi.API_VERSION) {
            kernel.close(fd);
            throw KvmUnavailableException.onApiVersion(version);
        }
        return new Kvm(kernel, fd);
    }

    /** What KVM_CHECK_EXTENSION says on the device: 0 if absent, negative if it fails. */
    int capability(int number) {
        return kernel.ioctl(fd, Uapi.CHECK_EXTENSION, number);
    }

    /** Greatest IPA size of a VM in bits. */
    int ipaLimitBits() {
        int limit = capability(Uapi.CAP_ARM_VM_IPA_SIZE);
        return limit > 0 ? limit : SCRATCH_IPA_BITS;
    }

    /** The vCPU features of all that this host can give one guest in AArch64. */
    Set<VcpuFeature> offeredFeatures() {
        EnumSet<VcpuFeature> offered = EnumSet.of(VcpuFeature.PSCI_0_2);
        if (capability(Uapi.CAP_ARM_PMU_V3) > 0) {
            offered.add(VcpuFeature.PMU_V3);
        }
        if (capability(Uapi.CAP_ARM_SVE) > 0) {
            offered.add(VcpuFeature.SVE);
        }
        if (capability(Uapi.CAP_ARM_PTRAUTH_ADDRESS) > 0 && capability(Uapi.CAP_ARM_PTRAUTH_GENERIC) > 0) {
            offered.add(VcpuFeature.PTRAUTH_ADDRESS);
            offered.add(VcpuFeature.PTRAUTH_GENERIC);
        }
        return offered;
    }

    /** Creates a VM without vCPUs. */
    ScratchVm createVm() {
        // The kernel's own default of 40 bits is refused by hosts that offer less, so the size is always given.
        boolean sized = capability(Uapi.CAP_ARM_VM_IPA_SIZE) > 0;
        int vm = kernel.ioctl(fd, Uapi.CREATE_VM, sized ? Math.min(ipaLimitBits(), SCRATCH_IPA_BITS) : 0);
        if (vm < 0) {
            throw new KvmException("KVM_CREATE_VM", vm);
        }
        return new ScratchVm(kernel, vm);
    }

    @Override
    public void close() {
        kernel.close(fd);
    }
}
