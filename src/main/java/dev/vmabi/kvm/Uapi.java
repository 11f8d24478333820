package dev.vmabi.kvm;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.StructLayout;

/**
 * KVM's user-space ABI: request numbers, structures, constants (Linux, include/uapi/linux/kvm.h and
 * arch/arm64/include/uapi/asm/kvm.h).
 */
final class Uapi {

    static final StructLayout VCPU_INIT =
            MemoryLayout.structLayout(JAVA_INT.withName("target"), MemoryLayout.sequenceLayout(7, JAVA_INT));
    static final StructLayout ONE_REG = MemoryLayout.structLayout(JAVA_LONG.withName("id"), JAVA_LONG.withName("addr"));
    static final StructLayout ENABLE_CAP = MemoryLayout.structLayout(
            JAVA_INT.withName("cap"),
            JAVA_INT.withName("flags"),
            MemoryLayout.sequenceLayout(4, JAVA_LONG),
            MemoryLayout.paddingLayout(64));
    static final StructLayout CREATE_DEVICE =
            MemoryLayout.structLayout(JAVA_INT.withName("type"), JAVA_INT.withName("fd"), JAVA_INT.withName("flags"));
    static final StructLayout DEVICE_ATTR = MemoryLayout.structLayout(
            JAVA_INT.withName("flags"),
            JAVA_INT.withName("group"),
            JAVA_LONG.withName("attr"),
            JAVA_LONG.withName("addr"));
    static final StructLayout REG_MASK_RANGE = MemoryLayout.structLayout(
            JAVA_LONG.withName("addr"), JAVA_INT.withName("range"), MemoryLayout.sequenceLayout(13, JAVA_INT));

    // The direction bits are history, not meaning: KVM_GET_ONE_REG is a "write".
    static final long GET_API_VERSION = request(0, 0x00, 0);
    static final long CREATE_VM = request(0, 0x01, 0);
    static final long CHECK_EXTENSION = request(0, 0x03, 0);
    static final long CREATE_VCPU = request(0, 0x41, 0);
    static final long ENABLE_CAPABILITY = request(1, 0xA3, ENABLE_CAP.byteSize());
    static final long GET_ONE_REG = request(1, 0xAB, ONE_REG.byteSize());
    static final long SET_ONE_REG = request(1, 0xAC, ONE_REG.byteSize());
    static final long ARM_VCPU_INIT = request(1, 0xAE, VCPU_INIT.byteSize());
    static final long ARM_PREFERRED_TARGET = request(2, 0xAF, VCPU_INIT.byteSize());
    static final long GET_REG_LIST = request(3, 0xB0, JAVA_LONG.byteSize());
    static final long ARM_GET_REG_WRITABLE_MASKS = request(2, 0xB6, REG_MASK_RANGE.byteSize());
    static final long ARM_VCPU_FINALIZE = request(1, 0xC2, JAVA_INT.byteSize());
    static final long CREATE_DEVICE_REQUEST = request(3, 0xE0, CREATE_DEVICE.byteSize());
    static final long SET_DEVICE_ATTR = request(1, 0xE1, DEVICE_ATTR.byteSize());
    static final long GET_DEVICE_ATTR = request(1, 0xE2, DEVICE_ATTR.byteSize());

    static final int API_VERSION = 12;

    static final int CAP_CHECK_EXTENSION_VM = 105;
    static final int CAP_ARM_EL1_32BIT = 93;
    static final int CAP_ARM_PMU_V3 = 126;
    static final int CAP_ARM_VM_IPA_SIZE = 165;
    static final int CAP_ARM_SVE = 170;
    static final int CAP_ARM_PTRAUTH_ADDRESS = 171;
    static final int CAP_ARM_PTRAUTH_GENERIC = 172;
    static final int CAP_ARM_SUPPORTED_REG_MASK_RANGES = 230;
    static final int CAP_ARM_WRITABLE_IMP_ID_REGS = 239;

    /** Length of the array that {@link #ARM_GET_REG_WRITABLE_MASKS} fills. */
    static final int REG_MASKS = 3 * 8 * 8;

    static final int CREATE_DEVICE_TEST = 1;

    static final int VGIC_V3_GROUP_ADDRESS = 0;
    static final int VGIC_V3_GROUP_DISTRIBUTOR = 1;
    static final int VGIC_V3_GROUP_IRQS = 3;
    static final int VGIC_V3_GROUP_CONTROL = 4;
    static final int VGIC_V3_ADDRESS_DISTRIBUTOR = 2;
    static final int VGIC_V3_ADDRESS_REDISTRIBUTOR = 3;
    static final int VGIC_V3_CONTROL_INIT = 0;
    static final int GICD_IIDR = 0x8;

    private Uapi() {}

    static long offset(StructLayout layout, String field) {
        return layout.byteOffset(PathElement.groupElement(field));
    }

    /** {@code _IOC(direction, KVMIO, number, size)} of asm-generic/ioctl.h, which arm64 and x86-64 share. */
    private static long request(int direction, int number, long size) {
        return ((long) direction << 30) | (size << 16) | (0xAE << 8) | number;
    }
}
