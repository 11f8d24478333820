package dev.vmabi.kvm;

import dev.vmabi.abi.Catalogue;
import dev.vmabi.abi.Field;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.abi.SveVectorLengths;
import dev.vmabi.abi.VcpuFeature;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedSet;

/**
 * Writes a guest ABI to a fresh scratch VM and reads it back: the kernel's own word on whether a guest that has it can
 * be restored here. What a VMM adds of its own (QEMU's register-list rule) is not the kernel's to say.
 */
public final class Proof {

    /** The kernel's answer to one register or property of the guest ABI. */
    public enum Outcome {
        EINVAL,
        EBUSY,
        ENOENT,
        EPERM,
        /** Another errno. */
        Failed,
        /** The write was taken and the register reads as before. */
        Ignored,
        /** The write was taken and the register reads as neither before nor written. */
        Altered,
        /** KVM_GET_REG_LIST does not name a register that the guest has; whether that matters is the VMM's to say. */
        Absent
    }

    /**
     * One thing the kernel did not take.
     *
     * @param what register and, where one field is at fault, field: {@code ID_AA64PFR0_EL1.SVE}; or the property
     * @param outcome how it failed
     * @param wanted the guest's value
     * @param offered what the register read before the write; empty where there is none
     */
    public record Refused(String what, Outcome outcome, String wanted, String offered) {}

    /**
     * The answer for one guest ABI.
     *
     * @param refused in the order of writing, registers the kernel does not list last; empty if it took everything
     */
    public record Result(List<Refused> refused) {
        public Result {
            refused = List.copyOf(refused);
        }

        public boolean accepted() {
            return refused.isEmpty();
        }

        /** Whether every register that the kernel lists was taken, whatever it does not list. */
        public boolean valuesTaken() {
            return absent() == refused.size();
        }

        /** Registers that the kernel does not list. */
        public int absent() {
            return (int)
                    refused.stream().filter(r -> r.outcome() == Outcome.Absent).count();
        }
    }

    /**
     * ID registers first, since the rest depends on them: SMCCC_ARCH_WORKAROUND_2 is checked against
     * ID_AA64PFR1_EL1.SSBS, and what is listed against feature fields. SVE lengths go before all, when the vCPU is
     * made.
     */
    private static final Comparator<RegisterId> WRITING_ORDER = Comparator.comparingInt(
                    (RegisterId id) -> switch (id.kind()) {
                        case IMPLEMENTATION_ID, CACHE -> 0;
                        case FEATURE_ID -> 1;
                        case FIRMWARE, HYPERCALL_BITMAP -> 2;
                        default -> 3;
                    })
            .thenComparing(Comparator.naturalOrder());

    private final Kernel kernel;
    private final boolean writableImplementationId;

    /** Proofs as a VMM sees them that leaves MIDR_EL1, REVIDR_EL1 and AIDR_EL1 to the host, as QEMU does. */
    public Proof(Kernel kernel) {
        this(kernel, false);
    }

    /**
     * @param writableImplementationId enable KVM_CAP_ARM_WRITABLE_IMP_ID_REGS on the scratch VM, where the host has
     *     it: the answer for a VMM that does the same
     */
    public Proof(Kernel kernel, boolean writableImplementationId) {
        this.kernel = kernel;
        this.writableImplementationId = writableImplementationId;
    }

    /**
     * Tries a guest ABI.
     *
     * @throws KvmUnavailableException if there is no KVM here
     * @throws KvmException if a call fails that works wherever KVM does
     */
    public Result prove(GuestAbi wanted) {
        Set<VcpuFeature> features = wanted.vcpuFeatures();
        List<Refused> refused = new ArrayList<>();
        try (Kvm kvm = Kvm.open(kernel);
                ScratchVm vm = kvm.createVm()) {
            if (writableImplementationId && vm.capability(Uapi.CAP_ARM_WRITABLE_IMP_ID_REGS) > 0) {
                vm.enable(Uapi.CAP_ARM_WRITABLE_IMP_ID_REGS);
            }
            Vcpu vcpu;
            try {
                vcpu = vm.createVcpu(features);
            } catch (VcpuFeaturesException e) {
                Set<VcpuFeature> offered = kvm.offeredFeatures();
                return new Result(List.of(
                        new Refused("vCPU features", outcome(e.errno()), features.toString(), offered.toString())));
            }
            if (features.contains(VcpuFeature.SVE)) {
                proveSve(vcpu, wanted.sveVectorLengths(), refused);
                vcpu.finalizeSve();
            }
            SortedSet<RegisterId> listed = vcpu.registerIds();
            wanted.registers().entrySet().stream()
                    .filter(register -> listed.contains(register.getKey()))
                    .sorted(Map.Entry.comparingByKey(WRITING_ORDER))
                    .forEach(register -> proveRegister(vcpu, register.getKey(), register.getValue(), refused));
            // Last: a kernel may undo one register while another is written.
            wanted.registers().forEach((id, value) -> {
                if (listed.contains(id)) {
                    proveKept(vcpu, id, value, refused);
                }
            });
            provePresence(vcpu.registerIds(), wanted, refused);
            proveVgic(vm, wanted.vgicRevision(), refused);
        }
        return new Result(refused);
    }

    private static void proveSve(Vcpu vcpu, SveVectorLengths wanted, List<Refused> refused) {
        SveVectorLengths offered = vcpu.sveVectorLengths();
        vcpu.setSveVectorLengths(wanted)
                .ifPresent(errno -> refused.add(
                        new Refused(RegisterId.SVE_VLS.name(), outcome(errno), wanted.toString(), offered.toString())));
    }

    private static void proveRegister(Vcpu vcpu, RegisterId id, long wanted, List<Refused> refused) {
        OptionalLong before = vcpu.get(id);
        long value = (before.orElse(0) & ~id.abiMask()) | wanted;
        Optional<Errno> errno = vcpu.set(id, value);
        if (errno.isPresent()) {
            List<Field> culprits = before.isPresent() ? culprits(vcpu, id, before.getAsLong(), value) : List.of();
            if (culprits.isEmpty()) {
                String offered = before.isPresent() ? hex(before.getAsLong()) : "";
                refused.add(new Refused(id.name(), outcome(errno.get()), hex(wanted), offered));
            }
            for (Field field : culprits) {
                refused.add(new Refused(
                        id.name() + "." + field.name(),
                        outcome(errno.get()),
                        hex(field.raw(value)),
                        hex(field.raw(before.getAsLong()))));
            }
            return;
        }
        long after = vcpu.get(id).orElse(0);
        if (((after ^ value) & id.abiMask()) != 0) {
            Outcome outcome = before.isPresent() && after == before.getAsLong() ? Outcome.Ignored : Outcome.Altered;
            refused.add(new Refused(id.name(), outcome, hex(wanted), hex(after)));
        }
    }

    /** The fields that the kernel refuses when they alone are changed. */
    private static List<Field> culprits(Vcpu vcpu, RegisterId id, long before, long value) {
        List<Field> culprits = new ArrayList<>();
        for (Field field : Catalogue.get().fields(id)) {
            if (!field.name().isEmpty() && field.raw(before) != field.raw(value)) {
                if (vcpu.set(id, field.insert(before, field.raw(value))).isPresent()) {
                    culprits.add(field);
                } else {
                    // Put back, so that the next field is again the only change.
                    vcpu.set(id, before);
                }
            }
        }
        return culprits;
    }

    private static void proveKept(Vcpu vcpu, RegisterId id, long wanted, List<Refused> refused) {
        long now = vcpu.get(id).orElse(0) & id.abiMask();
        boolean known = refused.stream()
                .anyMatch(r -> r.what().equals(id.name()) || r.what().startsWith(id.name() + "."));
        if (now != wanted && !known) {
            refused.add(new Refused(id.name(), Outcome.Altered, hex(wanted), hex(now)));
        }
    }

    private static void provePresence(SortedSet<RegisterId> listed, GuestAbi wanted, List<Refused> refused) {
        for (RegisterId id : wanted.registerIds()) {
            if (!listed.contains(id)) {
                Long value = wanted.registers().get(id);
                refused.add(new Refused(id.name(), Outcome.Absent, value == null ? "present" : hex(value), ""));
            }
        }
    }

    private static void proveVgic(ScratchVm vm, OptionalInt wanted, List<Refused> refused) {
        if (wanted.isEmpty()) {
            return;
        }
        OptionalInt offered = vm.vgicV3Revision(wanted);
        if (!offered.equals(wanted)) {
            Outcome outcome = offered.isEmpty() ? Outcome.Absent : Outcome.Ignored;
            String has = offered.isEmpty() ? "" : Integer.toString(offered.getAsInt());
            refused.add(new Refused("GICD_IIDR.Revision", outcome, Integer.toString(wanted.getAsInt()), has));
        }
    }

    private static Outcome outcome(Errno errno) {
        return switch (errno) {
            case EINVAL -> Outcome.EINVAL;
            case EBUSY -> Outcome.EBUSY;
            case ENOENT -> Outcome.ENOENT;
            case EPERM -> Outcome.EPERM;
            default -> Outcome.Failed;
        };
    }

    private static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }
}
