package dev.vmabi.kvm;

import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.abi.RegisterKind;
import dev.vmabi.abi.SveVectorLengths;
import dev.vmabi.abi.Taken;
import dev.vmabi.abi.TakenRegister;
import dev.vmabi.abi.TakenRegister.Answer;
import dev.vmabi.abi.VcpuFeature;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Tries what the kernel takes: one change at a time from the default, on a vCPU that never runs, the default restored
 * after each. The kernel's stated masks are no substitute: they over-report, and older kernels have none.
 */
final class Trials {

    /** PSCI versions and workaround levels, and one past the newest of each. */
    private static final List<Long> FIRMWARE_VALUES =
            List.of(0L, 1L, 2L, 3L, 4L, 0x10000L, 0x10001L, 0x10002L, 0x10003L, 0x10004L, 0x1000_0000L);

    private static final int MAX_VQ = 16;

    private final Kvm kvm;
    private final Set<VcpuFeature> features;
    private final GuestAbi shown;

    Trials(Kvm kvm, Set<VcpuFeature> features, GuestAbi shown) {
        this.kvm = kvm;
        this.features = features;
        this.shown = shown;
    }

    /** Every ABI-defining register, tried. */
    Taken taken() {
        SortedMap<RegisterId, TakenRegister> found = new TreeMap<>();
        try (Bench bench = new Bench()) {
            for (Map.Entry<RegisterId, Long> register : shown.registers().entrySet()) {
                RegisterId id = register.getKey();
                found.put(id, tried(bench, id));
            }
        }
        if (!shown.sveVectorLengths().isEmpty()) {
            found.put(RegisterId.SVE_VLS, sveLengths());
        }
        return Taken.measured(found, leastVgicRevision());
    }

    /** From what the host shows downwards, until one does not read back. */
    private OptionalInt leastVgicRevision() {
        OptionalInt least = shown.vgicRevision();
        while (least.orElse(0) > 0) {
            OptionalInt less = OptionalInt.of(least.getAsInt() - 1);
            try (ScratchVm vm = kvm.createVm()) {
                readyVcpu(vm);
                if (!vm.vgicV3Revision(less).equals(less)) {
                    return least;
                }
            }
            least = less;
        }
        return least;
    }

    /**
     * Whether MIDR_EL1, REVIDR_EL1 and AIDR_EL1 take other values once KVM_CAP_ARM_WRITABLE_IMP_ID_REGS is enabled.
     */
    boolean implementationIdIsWritable() {
        try (ScratchVm vm = kvm.createVm()) {
            vm.enable(Uapi.CAP_ARM_WRITABLE_IMP_ID_REGS);
            Vcpu vcpu = readyVcpu(vm);
            return shown.registers().keySet().stream()
                    .filter(id -> id.kind() == RegisterKind.IMPLEMENTATION_ID)
                    .allMatch(id -> answer(vcpu, id, vcpu.get(id).orElse(0) ^ 0x10, -1L) == Answer.TAKEN);
        } catch (KvmException e) {
            return false;
        }
    }

    /** Registers that change when another one is written, by the one written: one accepted change of each nibble. */
    SortedMap<RegisterId, SortedSet<RegisterId>> dependents() {
        SortedMap<RegisterId, SortedSet<RegisterId>> dependents = new TreeMap<>();
        try (Bench bench = new Bench()) {
            for (RegisterId id : shown.registers().keySet()) {
                for (int shift = 0; shift < id.size() * 8; shift += 4) {
                    SortedSet<RegisterId> changed = bench.changedByOneOf(id, shift);
                    if (!changed.isEmpty()) {
                        dependents.computeIfAbsent(id, _ -> new TreeSet<>()).addAll(changed);
                    }
                }
            }
        }
        return dependents;
    }

    private TakenRegister tried(Bench bench, RegisterId id) {
        return switch (id.kind()) {
            case FIRMWARE -> values(bench, id);
            case HYPERCALL_BITMAP -> bits(bench, id);
            default -> nibbles(bench, id);
        };
    }

    private TakenRegister nibbles(Bench bench, RegisterId id) {
        long before = bench.value(id);
        boolean defaultTaken = bench.vcpu.set(id, before).isEmpty();
        SortedMap<Integer, String> nibbles = new TreeMap<>();
        for (int shift = 0; shift < id.size() * 8; shift += 4) {
            if (((id.abiMask() >>> shift) & 0xF) == 0) {
                continue;
            }
            StringBuilder letters = new StringBuilder(16);
            boolean other = false;
            for (long nibble = 0; nibble < 16; nibble++) {
                long value = withNibble(before, shift, nibble);
                Answer answer = bench.tryOne(id, before, value);
                letters.append(answer.letter());
                other |= value != before && answer != Answer.REFUSED;
            }
            if (other) {
                nibbles.put(shift, letters.toString());
            }
        }
        return new TakenRegister.Nibbles(defaultTaken, nibbles);
    }

    private static TakenRegister bits(Bench bench, RegisterId id) {
        long before = bench.value(id);
        SortedMap<Integer, Answer> bits = new TreeMap<>();
        for (int bit = 0; bit < Long.SIZE; bit++) {
            Answer answer = bench.tryOne(id, before, before ^ (1L << bit));
            if (answer != Answer.REFUSED) {
                bits.put(bit, answer);
            }
        }
        return new TakenRegister.Bits(bits);
    }

    private static TakenRegister values(Bench bench, RegisterId id) {
        long before = bench.value(id);
        SortedMap<Long, Answer> values = new TreeMap<>();
        for (long value : FIRMWARE_VALUES) {
            Answer answer = bench.tryOne(id, before, value);
            if (answer != Answer.REFUSED) {
                values.put(value, answer);
            }
        }
        return new TakenRegister.Values(values);
    }

    /** The greatest vector length of each set that was taken: the host's set cut off there. */
    private TakenRegister sveLengths() {
        SortedMap<Long, Answer> values = new TreeMap<>();
        try (ScratchVm vm = kvm.createVm()) {
            Vcpu vcpu = vm.createVcpu(features);
            for (int vq = 1; vq <= MAX_VQ; vq++) {
                SveVectorLengths cut = shown.sveVectorLengths().upTo(vq);
                if (cut.maxVq() == vq && vcpu.setSveVectorLengths(cut).isEmpty()) {
                    values.put((long) vq, vcpu.sveVectorLengths().equals(cut) ? Answer.TAKEN : Answer.ALTERED);
                }
            }
        }
        return new TakenRegister.Values(values);
    }

    private static long withNibble(long value, int shift, long nibble) {
        return (value & ~(0xFL << shift)) | (nibble << shift);
    }

    private Vcpu readyVcpu(ScratchVm vm) {
        Vcpu vcpu = vm.createVcpu(features);
        if (features.contains(VcpuFeature.SVE)) {
            vcpu.finalizeSve();
        }
        return vcpu;
    }

    private static Answer answer(Vcpu vcpu, RegisterId id, long value, long mask) {
        if (vcpu.set(id, value).isPresent()) {
            return Answer.REFUSED;
        }
        OptionalLong now = vcpu.get(id);
        return now.isPresent() && ((now.getAsLong() ^ value) & mask) == 0 ? Answer.TAKEN : Answer.ALTERED;
    }

    /** A scratch VM that is replaced when a register cannot be put back. */
    private final class Bench implements AutoCloseable {
        private ScratchVm vm;
        private Vcpu vcpu;

        Bench() {
            open();
        }

        long value(RegisterId id) {
            return vcpu.get(id).orElse(0);
        }

        Answer tryOne(RegisterId id, long before, long value) {
            Answer answer = answer(vcpu, id, value, id.abiMask());
            if (answer != Answer.REFUSED) {
                restore(id, before);
            }
            return answer;
        }

        /** Makes one change of a nibble that the kernel takes, and tells which other registers changed with it. */
        SortedSet<RegisterId> changedByOneOf(RegisterId id, int shift) {
            SortedSet<RegisterId> changed = new TreeSet<>();
            long before = value(id);
            for (long nibble = 0; nibble < 16; nibble++) {
                long value = withNibble(before, shift, nibble);
                if (value != before && vcpu.set(id, value).isEmpty()) {
                    shown.registers().forEach((other, shownValue) -> {
                        if (!other.equals(id) && (value(other) & other.abiMask()) != shownValue) {
                            changed.add(other);
                        }
                    });
                    renew();
                    return changed;
                }
            }
            return changed;
        }

        /** Puts a register back to its default, on a new VM if this one does not take it any more. */
        private void restore(RegisterId id, long before) {
            if (vcpu.set(id, before).isPresent() || ((value(id) ^ before) & id.abiMask()) != 0) {
                renew();
            }
        }

        private void renew() {
            vm.close();
            open();
        }

        private void open() {
            vm = kvm.createVm();
            try {
                vcpu = readyVcpu(vm);
            } catch (KvmException e) {
                vm.close();
                throw e;
            }
        }

        @Override
        public void close() {
            vm.close();
        }
    }
}
