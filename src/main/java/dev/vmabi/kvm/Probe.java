package dev.vmabi.kvm;

import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.abi.SveVectorLengths;
import dev.vmabi.abi.VcpuFeature;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;

/**
 * Reads what this host shows a guest and tries what its kernel takes. Every answer comes from scratch VMs that never
 * run; the host is as before afterwards. Some answers hold for the CPU that the calling thread runs on: see
 * {@link CpuKinds}.
 */
public final class Probe {

    /**
     * Capabilities that shape a guest or say how it may be shaped, in the order of include/uapi/linux/kvm.h. What
     * counts the host's CPUs is not among them: like hosts must have like profiles.
     */
    static final List<Integer> CAPABILITIES = List.of(
            0, // IRQCHIP
            66, // MAX_VCPUS
            Uapi.CAP_ARM_EL1_32BIT,
            102, // ARM_PSCI_0_2
            Uapi.CAP_CHECK_EXTENSION_VM,
            Uapi.CAP_ARM_PMU_V3,
            158, // ARM_INJECT_SERROR_ESR
            Uapi.CAP_ARM_VM_IPA_SIZE,
            Uapi.CAP_ARM_SVE,
            Uapi.CAP_ARM_PTRAUTH_ADDRESS,
            Uapi.CAP_ARM_PTRAUTH_GENERIC,
            177, // ARM_NISV_TO_USER
            187, // STEAL_TIME
            198, // PTP_KVM
            205, // ARM_MTE
            216, // ARM_SYSTEM_SUSPEND
            227, // COUNTER_OFFSET
            Uapi.CAP_ARM_SUPPORTED_REG_MASK_RANGES,
            Uapi.CAP_ARM_WRITABLE_IMP_ID_REGS,
            240, // ARM_EL2
            241, // ARM_EL2_E2H0
            243, // ARM_CACHEABLE_PFNMAP_SUPPORTED
            251); // ARM_PMU_V3_STRICT

    private static final List<Set<VcpuFeature>> OPTIONAL_FEATURES = List.of(
            EnumSet.of(VcpuFeature.PMU_V3),
            EnumSet.of(VcpuFeature.SVE),
            EnumSet.of(VcpuFeature.PTRAUTH_ADDRESS, VcpuFeature.PTRAUTH_GENERIC));

    private final Kernel kernel;

    public Probe(Kernel kernel) {
        this.kernel = kernel;
    }

    /**
     * Reads and tries everything: a few tens of thousands of ioctls.
     *
     * @throws KvmUnavailableException if there is no KVM here
     * @throws KvmException if a call fails that works wherever KVM does
     */
    public HostProfile profile() {
        try (Kvm kvm = Kvm.open(kernel)) {
            Set<VcpuFeature> features = workingFeatures(kvm);
            GuestAbi shown = read(kvm, features, vgicRevision(kvm, features));
            Trials trials = new Trials(kvm, features, shown);
            SortedMap<Integer, Long> capabilities;
            SortedMap<RegisterId, Long> masks;
            try (ScratchVm vm = kvm.createVm()) {
                capabilities = capabilities(kvm, vm);
                masks = vm.writableMasks();
            }
            if (capabilities.get(Uapi.CAP_ARM_WRITABLE_IMP_ID_REGS) > 0 && !trials.implementationIdIsWritable()) {
                capabilities.put(Uapi.CAP_ARM_WRITABLE_IMP_ID_REGS, 0L);
            }
            return new HostProfile(shown, trials.taken(), capabilities, kvm.ipaLimitBits(), masks);
        }
    }

    /**
     * What a guest with these vCPU features sees where the VMM opts out of nothing else.
     *
     * @throws KvmUnavailableException if there is no KVM here
     * @throws KvmException if the host cannot give a vCPU these features
     */
    public GuestAbi guestAbi(Set<VcpuFeature> features) {
        try (Kvm kvm = Kvm.open(kernel)) {
            return read(kvm, features, vgicRevision(kvm, features));
        }
    }

    /** The vCPU feature sets that guests are given: none beyond PSCI, each optional one alone, and all together. */
    public SortedMap<String, GuestAbi> byFeatureSet() {
        try (Kvm kvm = Kvm.open(kernel)) {
            Set<VcpuFeature> all = workingFeatures(kvm);
            SortedMap<String, GuestAbi> found = new TreeMap<>();
            found.put("all", read(kvm, all, vgicRevision(kvm, all)));
            Set<VcpuFeature> base = EnumSet.of(VcpuFeature.PSCI_0_2);
            found.put("base", read(kvm, base, vgicRevision(kvm, base)));
            for (Set<VcpuFeature> optional : OPTIONAL_FEATURES) {
                if (all.containsAll(optional)) {
                    Set<VcpuFeature> features = EnumSet.copyOf(base);
                    features.addAll(optional);
                    found.put("base+" + optional.iterator().next(), read(kvm, features, vgicRevision(kvm, features)));
                }
            }
            return found;
        }
    }

    /** Interrupt controllers that a VM can be given here. */
    public Set<VgicKind> vgicKinds() {
        try (Kvm kvm = Kvm.open(kernel);
                ScratchVm vm = kvm.createVm()) {
            EnumSet<VgicKind> kinds = EnumSet.noneOf(VgicKind.class);
            for (VgicKind kind : VgicKind.values()) {
                if (vm.offers(kind)) {
                    kinds.add(kind);
                }
            }
            return kinds;
        }
    }

    /** Registers whose value changes when another one is written, by the one written. */
    public SortedMap<RegisterId, SortedSet<RegisterId>> dependentRegisters() {
        try (Kvm kvm = Kvm.open(kernel)) {
            Set<VcpuFeature> features = workingFeatures(kvm);
            return new Trials(kvm, features, read(kvm, features, OptionalInt.empty())).dependents();
        }
    }

    /** The offered features that this host does give: a host may offer a PMU that the present CPU lacks. */
    private static Set<VcpuFeature> workingFeatures(Kvm kvm) {
        Set<VcpuFeature> offered = kvm.offeredFeatures();
        Set<VcpuFeature> working = EnumSet.of(VcpuFeature.PSCI_0_2);
        for (Set<VcpuFeature> optional : OPTIONAL_FEATURES) {
            if (!offered.containsAll(optional)) {
                continue;
            }
            working.addAll(optional);
            try (ScratchVm vm = kvm.createVm()) {
                vm.createVcpu(working);
            } catch (VcpuFeaturesException e) {
                working.removeAll(optional);
            }
        }
        return working;
    }

    private static GuestAbi read(Kvm kvm, Set<VcpuFeature> features, OptionalInt vgicRevision) {
        try (ScratchVm vm = kvm.createVm()) {
            Vcpu vcpu = vm.createVcpu(features);
            SveVectorLengths lengths = vcpu.sveVectorLengths();
            if (features.contains(VcpuFeature.SVE)) {
                vcpu.finalizeSve();
            }
            SortedSet<RegisterId> listed = vcpu.registerIds();
            Map<RegisterId, Long> values = new HashMap<>();
            for (RegisterId id : listed) {
                if (id.size() <= Long.BYTES && id.abiMask() != 0) {
                    vcpu.get(id).ifPresent(value -> values.put(id, value));
                }
            }
            return GuestAbi.of(values, listed, features, lengths, vgicRevision);
        }
    }

    /** On a VM of its own: a vGIC changes the GIC fields of the ID registers. */
    private static OptionalInt vgicRevision(Kvm kvm, Set<VcpuFeature> features) {
        try (ScratchVm vm = kvm.createVm()) {
            Vcpu vcpu = vm.createVcpu(features);
            if (features.contains(VcpuFeature.SVE)) {
                vcpu.finalizeSve();
            }
            return vm.vgicV3Revision(OptionalInt.empty());
        }
    }

    private static SortedMap<Integer, Long> capabilities(Kvm kvm, ScratchVm vm) {
        boolean askVm = kvm.capability(Uapi.CAP_CHECK_EXTENSION_VM) > 0;
        SortedMap<Integer, Long> capabilities = new TreeMap<>();
        for (int number : CAPABILITIES) {
            int answer = askVm ? vm.capability(number) : kvm.capability(number);
            capabilities.put(number, (long) Math.max(answer, 0));
        }
        return capabilities;
    }
}
