package dev.vmabi.chaos.check;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Refusal;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABISpec.Proof;
import dev.vmabi.api.NodeABIStatus;
import dev.vmabi.api.NodeABIStatus.NodeState;
import dev.vmabi.api.VirtualMachineABIStatus;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** What labels, stamps and statuses must be, worked out from what nodes, agents and VMs say, and what differs from it. */
final class Expected {
    static final String PREFIX = "vmabi.node-restriction.kubernetes.io/";
    static final String STAMP = "vmabi.dev/guest-abi";
    private static final String PROFILE = PREFIX + "profile";
    private static final Vmm POOLS_VMM = Vmm.parse("qemu:11.1");

    private record Asked(String profile, String guestAbi, Vmm vmm, Clamp clamp) {}

    private final Map<Asked, Boolean> listed = new HashMap<>();

    /** All that is not as it must be. */
    List<Mismatch> mismatches(Picture picture, Guests guests) {
        List<Mismatch> found = new ArrayList<>();
        for (Picture.Node node : picture.nodes().values()) {
            Optional<Picture.Policy> holder = holder(picture, node);
            labels(picture, node, holder, found);
            verdict(picture, node, holder, found);
        }
        for (Picture.Vm vm : picture.vms().values()) {
            stamp(vm, guests, found);
        }
        picture.profiles().forEach((name, content) -> reported("ABIProfile", name, content, found));
        picture.guestAbis().forEach((name, content) -> reported("GuestABI", name, content, found));
        picture.policies().values().forEach(p -> counts(picture, p, found));
        return found;
    }

    private void labels(Picture picture, Picture.Node node, Optional<Picture.Policy> holder, List<Mismatch> found) {
        Set<String> must = proved(picture, node, holder);
        Set<String> has = new TreeSet<>();
        node.labels().forEach((key, value) -> {
            if (key.startsWith(PREFIX) && !key.equals(PROFILE)) {
                has.add(key.substring(PREFIX.length()));
            }
        });
        for (String label : must) {
            if (!has.contains(label)) {
                found.add(new Mismatch("Node " + node.name(), "lacks the label " + label + ", which it has proved"));
            }
        }
        for (String label : has) {
            if (!must.contains(label)) {
                found.add(new Mismatch(
                        "Node " + node.name(), "has the label " + label + ", not proved since its last boot"));
            }
        }
        Optional<String> profile = holder.flatMap(h -> picture.fresh(node.name()))
                .map(r -> r.profile().substring(0, 16));
        if (!Optional.ofNullable(node.labels().get(PROFILE)).equals(profile)) {
            found.add(new Mismatch("Node " + node.name(), "must have the profile label " + profile.orElse("(none)")));
        }
    }

    /** The first 16 digits of each guest ABI that the node has proved and its VMM restores. */
    Set<String> proved(Picture picture, Picture.Node node, Optional<Picture.Policy> holder) {
        Set<String> proved = new TreeSet<>();
        Optional<NodeABISpec> report = picture.fresh(node.name());
        if (report.isEmpty()) {
            return proved;
        }
        Vmm vmm = holder.isPresent() ? POOLS_VMM : Vmm.GENERIC;
        HostProfile host = picture.profile(report.get()).orElseThrow();
        for (Proof proof : report.get().proofs()) {
            Optional<GuestAbi> abi = Optional.ofNullable(picture.guestAbis().get(proof.guestABI()))
                    .flatMap(Picture.Content::content);
            if (proof.accepted() && abi.isPresent() && listed(host, abi.get(), vmm, clamp(picture, proof.guestABI()))) {
                proved.add(proof.guestABI().substring(0, 16));
            }
        }
        return proved;
    }

    /** Whether the VMM restores a guest of this ABI there as far as lists of registers go, which a proof cannot say. */
    private boolean listed(HostProfile host, GuestAbi abi, Vmm vmm, Clamp clamp) {
        return listed.computeIfAbsent(
                new Asked(host.digest().hex(), abi.digest().hex(), vmm, clamp),
                _ -> !(host.accepts(abi, vmm, clamp) instanceof Verdict.Refused refused)
                        || refused.refusals().stream().noneMatch(Refusal.RegisterList.class::isInstance));
    }

    private static Clamp clamp(Picture picture, String digest) {
        for (Picture.Policy policy : picture.policies().values()) {
            VirtualMachineABIStatus status = policy.status().orElse(null);
            if (status != null
                    && status.baseline() != null
                    && digest.equals(status.baseline().digest())) {
                return status.baseline().clamp() == null
                                || status.baseline().clamp().isEmpty()
                        ? Clamp.NONE
                        : Clamp.parse(status.baseline().clamp());
            }
        }
        return Clamp.NONE;
    }

    private void verdict(Picture picture, Picture.Node node, Optional<Picture.Policy> holder, List<Mismatch> found) {
        Picture.Report report = picture.reports().get(node.name());
        if (report == null || report.spec().isEmpty() || holder.isEmpty()) {
            return;
        }
        boolean accepts = pin(holder.get())
                .filter(p -> proved(picture, node, holder).contains(p.substring(0, 16)))
                .isPresent();
        boolean said = report.status().map(NodeABIStatus::policies).orElse(List.of()).stream()
                .anyMatch(v -> v.policy().equals(holder.get().name()) && v.state() == NodeState.Accepting);
        if (accepts != said) {
            found.add(new Mismatch(
                    "NodeABI " + node.name(),
                    "must say that the node " + (accepts ? "accepts" : "does not accept") + " the baseline of "
                            + holder.get().name()));
        }
    }

    private static void stamp(Picture.Vm vm, Guests guests, List<Mismatch> found) {
        guests.has(vm.uid())
                .filter(has -> !vm.stamp().equals(Optional.of(has.digest().label())))
                .ifPresent(has -> found.add(new Mismatch(
                        "VirtualMachineInstance " + vm.key(),
                        "must be stamped " + has.digest().label() + " and has "
                                + vm.stamp().orElse("no stamp"))));
    }

    private static void reported(String kind, String name, Picture.Content<?> content, List<Mismatch> found) {
        if (!content.saidValid().equals(Optional.of(content.content().isPresent()))) {
            found.add(new Mismatch(
                    kind + " " + name,
                    content.content().isPresent() ? "holds, and is not said to" : "does not hold, and nobody says so"));
        }
    }

    private void counts(Picture picture, Picture.Policy policy, List<Mismatch> found) {
        VirtualMachineABIStatus status = policy.status().orElse(null);
        if (status == null || status.nodes() == null || policy.spec().isEmpty()) {
            found.add(new Mismatch("VirtualMachineABI " + policy.name(), "has no status"));
            return;
        }
        List<Picture.Node> pool = picture.nodes().values().stream()
                .filter(n -> holder(picture, n).filter(policy::equals).isPresent())
                .toList();
        long accepting = pin(policy)
                .map(pin -> pool.stream()
                        .filter(n -> proved(picture, n, Optional.of(policy)).contains(pin.substring(0, 16)))
                        .count())
                .orElse(0L);
        if (status.nodes().matched() != pool.size() || status.nodes().accepting() != accepting) {
            found.add(new Mismatch(
                    "VirtualMachineABI " + policy.name(),
                    "must count " + pool.size() + " nodes, " + accepting + " accepting"));
        }
    }

    static Optional<String> pin(Picture.Policy policy) {
        return policy.status().map(VirtualMachineABIStatus::baseline).map(VirtualMachineABIStatus.Pin::digest);
    }

    /** The oldest policy that selects the node. */
    static Optional<Picture.Policy> holder(Picture picture, Picture.Node node) {
        return picture.policies().values().stream()
                .filter(p -> p.spec().isPresent())
                .filter(p -> Selects.node(p.spec().get().nodeSelector(), node.labels()))
                .min(Comparator.comparing(Picture.Policy::created).thenComparing(Picture.Policy::name));
    }
}
