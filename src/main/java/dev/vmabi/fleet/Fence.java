package dev.vmabi.fleet;

import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.abi.Version;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.Names;
import dev.vmabi.api.VirtualMachineABISpec;
import dev.vmabi.api.VirtualMachineABISpec.Surface;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.FenceState;
import dev.vmabi.fleet.FleetState.Node;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** A one-way mark, and which hosts are past it. */
sealed interface Fence {

    /** As statuses name it; two fences of one name are one fence. */
    String name();

    /** What a host must have to be past it, and since when there is that. */
    String wants();

    /** Why the node is before it, as a clause; empty if it is past it. The profiles are those of its kinds of CPU. */
    Optional<String> before(Node node, List<HostProfile> profiles, Vmm stated);

    /**
     * The fence that a policy's spec means.
     *
     * @throws IllegalArgumentException if the version is missing or malformed
     */
    static Fence of(VirtualMachineABISpec.Fence fence) {
        return fence.surface() != null
                ? new OnSurface(fence.surface())
                : new OnVmm(new Vmm(fence.vmm().text(), version(fence.minimumVersion())));
    }

    private static Version version(String text) {
        if (text == null) {
            throw new IllegalArgumentException("is missing; write it like 11.1");
        }
        return Version.parse(text);
    }

    /** The fences that a policy's status says are raised. */
    static List<Fence> raised(VirtualMachineABIStatus status) {
        return status == null ? List.of() : raised(status.fences());
    }

    /** Those of these fences that are raised; a name that means nothing is passed over. */
    static List<Fence> raised(List<FenceState> fences) {
        return fences.stream()
                .filter(FenceState::raised)
                .flatMap(f -> named(f.fence()).stream())
                .toList();
    }

    /** Those of a node's labels that tell the version of its VMM. */
    static Map<String, String> vmmLabels(Map<String, String> labels) {
        return labels.entrySet().stream()
                .filter(l -> l.getKey().startsWith(Names.VMM_LABEL_PREFIX)
                        || l.getKey().startsWith(OnVmm.MACHINE_TYPE))
                .collect(Collectors.toUnmodifiableMap(Map.Entry::getKey, Map.Entry::getValue));
    }

    /** Whether it binds whoever the other one binds. */
    default boolean subsumes(Fence other) {
        return equals(other);
    }

    /** The fence of that name; empty for one that means nothing to this version. */
    static Optional<Fence> named(String name) {
        Optional<Fence> surface = Arrays.stream(Surface.values())
                .filter(s -> s.name().equals(name))
                .<Fence>map(OnSurface::new)
                .findFirst();
        if (surface.isPresent()) {
            return surface;
        }
        try {
            return Optional.of(new OnVmm(Vmm.parse(name.replace(' ', ':'))));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /** On a surface of the kernel: told from what KVM shows, never from a version. */
    record OnSurface(Surface surface) implements Fence {
        private static final RegisterId STD_BMAP = RegisterId.parse("0x6030000000160000");
        private static final RegisterId VENDOR_HYP_BMAP_2 = RegisterId.parse("0x6030000000160003");
        private static final int KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES = 230;
        private static final int KVM_CAP_ARM_WRITABLE_IMP_ID_REGS = 239;

        @Override
        public String name() {
            return surface.name();
        }

        @Override
        public String wants() {
            return switch (surface) {
                case HypercallBitmaps -> "it needs the hypercall bitmap registers (Linux 5.19)";
                case WritableIDRegisters -> "it needs writable ID registers (Linux 6.7)";
                case SecondVendorBitmap -> "it needs KVM_REG_ARM_VENDOR_HYP_BMAP_2 (Linux 6.15)";
                case WritableImplementationID -> "it needs KVM_CAP_ARM_WRITABLE_IMP_ID_REGS (Linux 6.15)";
            };
        }

        @Override
        public Optional<String> before(Node node, List<HostProfile> profiles, Vmm stated) {
            return profiles.stream().allMatch(this::shownBy)
                    ? Optional.empty()
                    : Optional.of("kernel " + node.kernelVersion() + " is");
        }

        private boolean shownBy(HostProfile host) {
            return switch (surface) {
                case HypercallBitmaps -> host.defaultGuestAbi().lists(STD_BMAP);
                case WritableIDRegisters -> has(host, KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES);
                case SecondVendorBitmap -> host.defaultGuestAbi().lists(VENDOR_HYP_BMAP_2);
                case WritableImplementationID -> has(host, KVM_CAP_ARM_WRITABLE_IMP_ID_REGS);
            };
        }

        private static boolean has(HostProfile host, int capability) {
            return host.capabilities().getOrDefault(capability, 0L) > 0;
        }
    }

    /**
     * On a version of a VMM. KVM does not tell it, so a node's version is what its label {@value Names#VMM_LABEL_PREFIX}
     * {@code <name>} says; else, for QEMU, that of its newest upstream machine type, which KubeVirt's node labeller
     * lists since v1.5; else what the policy states for the whole pool.
     */
    record OnVmm(Vmm minimum) implements Fence {
        private static final String MACHINE_TYPE = "machine-type.node.kubevirt.io/virt-";

        @Override
        public String name() {
            return minimum.name() + " " + minimum.version();
        }

        @Override
        public String wants() {
            return "it needs " + minimum.name() + " " + minimum.version() + " or later";
        }

        @Override
        public Optional<String> before(Node node, List<HostProfile> profiles, Vmm stated) {
            Optional<Version> version = version(node, stated);
            if (version.isEmpty()) {
                return Optional.of("a " + minimum.name() + " whose version is not known (label the node "
                        + Names.VMM_LABEL_PREFIX + minimum.name() + ") is");
            }
            return version.get().compareTo(minimum.version()) >= 0
                    ? Optional.empty()
                    : Optional.of(minimum.name() + " " + version.get() + " is");
        }

        @Override
        public boolean subsumes(Fence other) {
            return other instanceof OnVmm(Vmm lesser)
                    && lesser.name().equals(minimum.name())
                    && lesser.version().compareTo(minimum.version()) <= 0;
        }

        private Optional<Version> version(Node node, Vmm stated) {
            return parse(node.labels().get(Names.VMM_LABEL_PREFIX + minimum.name()))
                    .or(() -> minimum.name().equals("qemu") ? newestMachineType(node) : Optional.empty())
                    .or(() -> stated.name().equals(minimum.name())
                                    && !stated.version().equals(Version.UNSTATED)
                            ? Optional.of(stated.version())
                            : Optional.empty());
        }

        private static Optional<Version> newestMachineType(Node node) {
            return node.labels().keySet().stream()
                    .filter(l -> l.startsWith(MACHINE_TYPE))
                    .flatMap(l -> parse(l.substring(MACHINE_TYPE.length())).stream())
                    .max(Version::compareTo);
        }

        /** A version; empty for anything else, such as the {@code rhel9.6.0} of a machine type. */
        private static Optional<Version> parse(String text) {
            try {
                return text == null ? Optional.empty() : Optional.of(Version.parse(text));
            } catch (IllegalArgumentException e) {
                return Optional.empty();
            }
        }
    }
}
