package dev.vmabi.fleet;

import dev.vmabi.abi.Addition;
import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.NodeABIStatus.NodeState;
import dev.vmabi.api.VirtualMachineABISpec.Impose;
import dev.vmabi.api.VirtualMachineABIStatus.ImposedBy;
import dev.vmabi.api.VirtualMachineABIStatus.ImposedField;
import dev.vmabi.api.VirtualMachineABIStatus.Pin;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Which fields of a pin some host of its pool would give a new VM otherwise, and what is done about each. */
final class ImposedFields {
    private static final int MOST = 40;
    private static final String QEMU = "qemu";
    private static final String PSCI = "PSCI_VERSION";

    private final Fleet fleet;
    private final Vmm vmm;
    private final boolean never;
    private final GuestAbi abi;
    private final Clamp clamp;
    private final Map<String, ImposedField> fields = new TreeMap<>();

    private ImposedFields(Fleet fleet, Vmm vmm, Impose impose, GuestAbi abi, Clamp clamp) {
        this.fleet = fleet;
        this.vmm = vmm;
        this.never = impose == Impose.Never;
        this.abi = abi;
        this.clamp = clamp;
    }

    /** At most {@value #MOST}, those that nothing imposes first. */
    static List<ImposedField> of(Fleet fleet, Vmm vmm, Impose impose, Pool pool, GuestAbi abi, Pin pin) {
        ImposedFields imposed =
                new ImposedFields(fleet, vmm, impose, abi, pin.clamp() == null ? Clamp.NONE : Clamp.parse(pin.clamp()));
        SortedMap<Digest, HostProfile> hosts = new TreeMap<>();
        pool.in(NodeState.Accepting).reports().forEach(fresh -> hosts.putAll(fresh.kinds()));
        hosts.forEach(imposed::add);
        return imposed.fields.values().stream()
                .sorted(Comparator.comparing(ImposedField::by).reversed().thenComparing(ImposedField::field))
                .limit(MOST)
                .toList();
    }

    private void add(Digest digest, HostProfile host) {
        Set<String> afterFeatures = names(
                given(digest, host, Imposition.imposed(Imposition.of(clamp).cpuFeatures(), Optional.empty())));
        Set<String> afterAll = names(given(digest, host, clamp));
        for (Addition given : given(digest, host, Clamp.NONE)) {
            String name = name(given);
            boolean unreachable = never || !QEMU.equals(vmm.name()) || afterAll.contains(name);
            ImposedBy by = unreachable
                    ? ImposedBy.Nothing
                    : afterFeatures.contains(name) ? ImposedBy.Hook : ImposedBy.CPUFeature;
            ImposedField field = new ImposedField(
                    name, given.before(), given.after(), by, by == ImposedBy.Nothing ? why(given) : null);
            fields.merge(name, field, (a, b) -> a.by().compareTo(b.by()) >= 0 ? a : b);
        }
    }

    private List<Addition> given(Digest digest, HostProfile host, Clamp imposed) {
        try {
            return fleet.verdicts().additions(digest, host, abi, imposed);
        } catch (IllegalArgumentException e) {
            // No VM starts on this host under that clamp, so that none gets anything else than the pin.
            return List.of();
        }
    }

    private String why(Addition given) {
        if (never) {
            return "spec.impose is Never";
        }
        if (!QEMU.equals(vmm.name())) {
            return vmm + " is not started by KubeVirt; have whatever starts it impose this";
        }
        if (given.before().isEmpty()) {
            return "QEMU gives a guest every register that the host's kernel lists";
        }
        return given.register().equals(PSCI) ? vmm + " cannot set it; 11.1 and later can" : "QEMU cannot set it";
    }

    private static Set<String> names(List<Addition> additions) {
        return additions.stream().map(ImposedFields::name).collect(Collectors.toCollection(HashSet::new));
    }

    private static String name(Addition addition) {
        return addition.field().isEmpty() ? addition.register() : addition.register() + "." + addition.field();
    }
}
