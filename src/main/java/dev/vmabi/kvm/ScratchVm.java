package dev.vmabi.kvm;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.vmabi.abi.RegisterId;
import dev.vmabi.abi.VcpuFeature;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A VM that never runs: no memory, at most one vCPU, and every descriptor closed with it. For one thread.
 *
 * <p>Calls go in KVM's own order: enable capabilities, {@link #createVcpu}, SVE lengths, {@link Vcpu#finalizeSve}, then
 * the rest.
 */
final class ScratchVm implements AutoCloseable {

    /** The fewest interrupts a vGIC can have: 32 private and 32 shared ones. */
    private static final int VGIC_INTERRUPTS = 64;

    /** Of {@code GICD_IIDR.Revision}. */
    private static final int REVISION_SHIFT = 12;

    private final Kernel kernel;
    private final int fd;
    private final List<Integer> children = new ArrayList<>();

    ScratchVm(Kernel kernel, int fd) {
        this.kernel = kernel;
        this.fd = fd;
    }

    /** What KVM_CHECK_EXTENSION says on the VM: 0 if absent, negative if it fails. */
    int capability(int number) {
        return kernel.ioctl(fd, Uapi.CHECK_EXTENSION, number);
    }

    /** Turns a capability on; only before the first vCPU for those that shape the guest ABI. */
    void enable(int capability) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment argument = arena.allocate(Uapi.ENABLE_CAP);
            argument.set(JAVA_INT, Uapi.offset(Uapi.ENABLE_CAP, "cap"), capability);
            check("KVM_ENABLE_CAP " + capability, kernel.ioctl(fd, Uapi.ENABLE_CAPABILITY, argument.address()));
        }
    }

    /**
     * The nonzero masks of KVM_ARM_GET_REG_WRITABLE_MASKS by register; empty where the kernel has none (before 6.7).
     * They over-report: what is writable has to be tried.
     */
    SortedMap<RegisterId, Long> writableMasks() {
        SortedMap<RegisterId, Long> masks = new TreeMap<>();
        if ((capability(Uapi.CAP_ARM_SUPPORTED_REG_MASK_RANGES) & 1) == 0) {
            return masks;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment array = arena.allocate(JAVA_LONG, Uapi.REG_MASKS);
            MemorySegment argument = arena.allocate(Uapi.REG_MASK_RANGE);
            argument.set(JAVA_LONG, Uapi.offset(Uapi.REG_MASK_RANGE, "addr"), array.address());
            check(
                    "KVM_ARM_GET_REG_WRITABLE_MASKS",
                    kernel.ioctl(fd, Uapi.ARM_GET_REG_WRITABLE_MASKS, argument.address()));
            for (int index = 0; index < Uapi.REG_MASKS; index++) {
                long mask = array.getAtIndex(JAVA_LONG, index);
                if (mask != 0) {
                    // Rows are op1 0, 1 and 3, the only ones of the feature ID space.
                    int row = index / 64;
                    masks.put(RegisterId.sysreg(3, row == 2 ? 3 : row, 0, (index / 8) % 8, index % 8), mask);
                }
            }
        }
        return masks;
    }

    /** Whether the host registers this kind of interrupt controller; creates nothing. */
    boolean offers(VgicKind kind) {
        return createDevice(kind, Uapi.CREATE_DEVICE_TEST, null) == 0;
    }

    /**
     * Creates vCPU 0 of the kernel's preferred target.
     *
     * @throws VcpuFeaturesException if the host cannot give a vCPU these features
     */
    Vcpu createVcpu(Set<VcpuFeature> features) {
        int vcpu = check("KVM_CREATE_VCPU", kernel.ioctl(fd, Uapi.CREATE_VCPU, 0));
        children.add(vcpu);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment init = arena.allocate(Uapi.VCPU_INIT);
            check("KVM_ARM_PREFERRED_TARGET", kernel.ioctl(fd, Uapi.ARM_PREFERRED_TARGET, init.address()));
            init.set(JAVA_INT, 4, (int) VcpuFeature.toBits(features));
            int answer = kernel.ioctl(vcpu, Uapi.ARM_VCPU_INIT, init.address());
            if (answer < 0) {
                throw new VcpuFeaturesException(features, answer);
            }
        }
        return new Vcpu(kernel, vcpu);
    }

    /**
     * Creates and initialises a vGICv3 beside the vCPU and tells the revision of its GICD_IIDR; empty where the host
     * has no vGICv3 or a step fails. From then on the GIC fields of the ID registers read otherwise.
     *
     * @param wanted a revision to be written first, as a restore does; the answer is what reads back
     */
    OptionalInt vgicV3Revision(OptionalInt wanted) {
        int[] device = new int[1];
        if (createDevice(VgicKind.V3, 0, device) < 0) {
            return OptionalInt.empty();
        }
        int vgic = device[0];
        children.add(vgic);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocate(JAVA_LONG);
            // QEMU's map of the virt machine; any that does not overlap would do.
            value.set(JAVA_LONG, 0, 0x0800_0000L);
            int address = Uapi.VGIC_V3_GROUP_ADDRESS;
            int answer = attribute(vgic, Uapi.SET_DEVICE_ATTR, address, Uapi.VGIC_V3_ADDRESS_DISTRIBUTOR, value);
            value.set(JAVA_LONG, 0, 0x080A_0000L);
            answer |= attribute(vgic, Uapi.SET_DEVICE_ATTR, address, Uapi.VGIC_V3_ADDRESS_REDISTRIBUTOR, value);
            value.set(JAVA_LONG, 0, VGIC_INTERRUPTS);
            answer |= attribute(vgic, Uapi.SET_DEVICE_ATTR, Uapi.VGIC_V3_GROUP_IRQS, 0, value);
            int control = Uapi.VGIC_V3_GROUP_CONTROL;
            answer |= attribute(vgic, Uapi.SET_DEVICE_ATTR, control, Uapi.VGIC_V3_CONTROL_INIT, value);
            answer |= iidr(vgic, Uapi.GET_DEVICE_ATTR, value);
            if (answer >= 0 && wanted.isPresent() && wanted.getAsInt() != revision(value)) {
                int other = (value.get(JAVA_INT, 0) & ~(0xF << REVISION_SHIFT)) | (wanted.getAsInt() << REVISION_SHIFT);
                value.set(JAVA_INT, 0, other);
                iidr(vgic, Uapi.SET_DEVICE_ATTR, value);
                answer = iidr(vgic, Uapi.GET_DEVICE_ATTR, value);
            }
            return answer < 0 ? OptionalInt.empty() : OptionalInt.of(revision(value));
        }
    }

    private int iidr(int vgic, long request, MemorySegment value) {
        return attribute(vgic, request, Uapi.VGIC_V3_GROUP_DISTRIBUTOR, Uapi.GICD_IIDR, value);
    }

    private static int revision(MemorySegment iidr) {
        return (iidr.get(JAVA_INT, 0) >>> REVISION_SHIFT) & 0xF;
    }

    private int attribute(int device, long request, int group, long attribute, MemorySegment value) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment argument = arena.allocate(Uapi.DEVICE_ATTR);
            argument.set(JAVA_INT, Uapi.offset(Uapi.DEVICE_ATTR, "group"), group);
            argument.set(JAVA_LONG, Uapi.offset(Uapi.DEVICE_ATTR, "attr"), attribute);
            argument.set(JAVA_LONG, Uapi.offset(Uapi.DEVICE_ATTR, "addr"), value.address());
            return kernel.ioctl(device, request, argument.address());
        }
    }

    private int createDevice(VgicKind kind, int flags, int[] device) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment argument = arena.allocate(Uapi.CREATE_DEVICE);
            argument.set(JAVA_INT, Uapi.offset(Uapi.CREATE_DEVICE, "type"), kind.deviceType());
            argument.set(JAVA_INT, Uapi.offset(Uapi.CREATE_DEVICE, "flags"), flags);
            int answer = kernel.ioctl(fd, Uapi.CREATE_DEVICE_REQUEST, argument.address());
            if (answer >= 0 && device != null) {
                device[0] = argument.get(JAVA_INT, Uapi.offset(Uapi.CREATE_DEVICE, "fd"));
            }
            return answer;
        }
    }

    private static int check(String call, int answer) {
        if (answer < 0) {
            throw new KvmException(call, answer);
        }
        return answer;
    }

    @Override
    public void close() {
        for (int child : children.reversed()) {
            kernel.close(child);
        }
        children.clear();
        kernel.close(fd);
    }
}
