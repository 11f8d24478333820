package dev.vmabi.gate;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Digest;
import dev.vmabi.api.Names;
import dev.vmabi.api.VirtualMachineABISpec.Enforcement;
import dev.vmabi.api.VirtualMachineABISpec.Impose;
import dev.vmabi.api.VirtualMachineABISpec.Placement;
import dev.vmabi.api.VirtualMachineABIStatus.Pin;
import dev.vmabi.fleet.Destinations;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Vm;
import dev.vmabi.fleet.Imposition;
import dev.vmabi.gate.MigrationRequest.Origin;
import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.NodeSelectorRequirement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Where VMs may boot and migrate: steers first, denies rarely. A pure function of the fleet and the request.
 *
 * <p>What KubeVirt 1.10 does on each denial shapes the answers. A person's migration with nowhere to go is denied at
 * once. An evacuation or workload update is let through, since KubeVirt would ask again without end; its target pod is
 * denied instead, so that it waits without holding a migration slot, and goes on as soon as a node takes the VM.
 */
public final class Gate {
    private Gate() {}

    /** Decides on a migration. */
    public static Decision decide(Fleet fleet, MigrationRequest request) {
        Optional<Vm> vm = fleet.vm(request.namespace(), request.vmName());
        if (vm.isEmpty()) {
            return Decision.Allow.untouched(Reason.NoSuchVm);
        }
        return fleet.policyFor(vm.get())
                .map(policy -> bind(policy, migration(fleet, policy, vm.get(), request)))
                .orElseGet(() -> Decision.Allow.untouched(Reason.NoPolicy));
    }

    /** Decides on a pod. */
    public static Decision decide(Fleet fleet, PodRequest pod) {
        if (!pod.isLauncher()) {
            return optedIn(fleet, pod);
        }
        if (!pod.architecture().orElse("arm64").equals("arm64")) {
            return Decision.Allow.untouched(Reason.OtherArchitecture);
        }
        Vm vm = vm(fleet, pod);
        if (!pod.isMigrationTarget()) {
            return firstBoot(fleet, vm, pod);
        }
        return fleet.policyFor(vm)
                .map(policy -> bind(policy, target(fleet, policy, vm, pod)))
                .orElseGet(() -> Decision.Allow.untouched(Reason.NoPolicy));
    }

    /**
     * Decides on a VM: what its VMM is to leave out, so that its guest gets no more than the baseline. Never denied, and
     * only where all pools that it may boot into want the same.
     */
    public static Decision decide(Fleet fleet, InstanceRequest request) {
        if (!"arm64".equals(request.architecture())) {
            return Decision.Allow.untouched(Reason.OtherArchitecture);
        }
        Vm vm = new Vm(
                request.namespace(),
                request.name(),
                "",
                request.labels(),
                fleet.namespaceLabels(request.namespace()),
                Optional.empty(),
                Clamp.NONE,
                Optional.empty(),
                Optional.empty(),
                false,
                request.nodeSelector());
        List<Policy> policies = fleet.bootPolicies(vm, request.nodeSelector());
        if (policies.isEmpty()) {
            return Decision.Allow.untouched(Reason.NoPolicy);
        }
        Set<Clamp> clamps = policies.stream().map(Gate::imposes).collect(Collectors.toSet());
        if (clamps.size() > 1) {
            return Decision.Allow.untouched(Reason.SeveralPools);
        }
        Imposition imposition = Imposition.of(clamps.iterator().next());
        SortedSet<String> disable = new TreeSet<>(imposition.cpuFeatures());
        disable.removeIf(f ->
                f.startsWith("sve") ? request.saysSve() : request.cpuFeatures().contains(f));
        String byHook = request.hooked() ? imposition.byHook() : "";
        return disable.isEmpty() && byHook.isEmpty()
                ? Decision.Allow.untouched(Reason.Baseline)
                : bind(policies.getFirst(), new Decision.Impose(Reason.Baseline, new Imposition(disable, byHook)));
    }

    private static Clamp imposes(Policy policy) {
        return pin(policy)
                .filter(pin -> policy.spec().impose() == Impose.WherePossible && pin.clamp() != null)
                .map(pin -> Clamp.parse(pin.clamp()))
                .orElse(Clamp.NONE);
    }

    private static Decision migration(Fleet fleet, Policy policy, Vm vm, MigrationRequest request) {
        if (request.sendsAway()) {
            return new Decision.Allow(
                    Reason.SentAway,
                    List.of("VM " + vm.key()
                            + " leaves this gate's reach; the receiving cluster decides where it may go"));
        }
        Optional<Digest> guestAbi =
                fleet.stampIsBehind(vm, policy) ? Optional.empty() : vm.stamp().flatMap(fleet::digest);
        if (guestAbi.isEmpty()) {
            String message = Denials.unknown(fleet, vm, vm.stamp(), request.receives());
            return request.origin() == Origin.Person
                    ? new Decision.Deny(Reason.Unknown, message)
                    : new Decision.Allow(Reason.Unknown, List.of("it will wait: " + message));
        }
        Steering steering = Steering.to(Names.nodeLabel(guestAbi.get()));
        Destinations destinations = Destinations.of(fleet, policy, vm, guestAbi.get(), request.addedNodeSelector());
        if (destinations.any()) {
            return new Decision.Steer(Reason.GuestAbi, steering, List.of());
        }
        String message = Denials.nowhere(vm, guestAbi.get(), destinations.barriers());
        return request.origin() == Origin.Person
                ? new Decision.Deny(Reason.Nowhere, message)
                : new Decision.Steer(Reason.Nowhere, steering, List.of("it will wait: " + message));
    }

    private static Decision target(Fleet fleet, Policy policy, Vm vm, PodRequest pod) {
        Optional<String> stamp = stamp(pod).or(vm::stamp);
        Optional<Digest> guestAbi =
                fleet.stampIsBehind(vm, policy) || isBehind(vm, pod) ? Optional.empty() : stamp.flatMap(fleet::digest);
        if (guestAbi.isEmpty()) {
            return new Decision.Deny(
                    Reason.Unknown, Denials.unknown(fleet, vm, stamp, vm.node().isEmpty()));
        }
        Destinations destinations = new Destinations(fleet, policy, guestAbi.get(), vm.node(), othersSelector(pod));
        if (!destinations.any() && destinations.anyCandidate()) {
            return new Decision.Deny(Reason.Nowhere, Denials.nowhere(vm, guestAbi.get(), destinations.barriers()));
        }
        // With no candidate at all it is not the guest ABI that keeps the VM; the scheduler says so better.
        Steering steering =
                Steering.to(Names.nodeLabel(guestAbi.get())).onlyProfiles(destinations.profilesWithWayBack());
        return new Decision.Steer(Reason.GuestAbi, steering, List.of());
    }

    /**
     * Whether what is known of the VM here and what its pod says are of different times, as when this replica's watch is
     * late: KubeVirt copies a VM's labels to its pods, and marks a VM that has landed with its node.
     */
    private static boolean isBehind(Vm vm, PodRequest pod) {
        return differ(vm.node(), pod.vmNode()) || differ(vm.stamp(), stamp(pod));
    }

    private static boolean differ(Optional<String> one, Optional<String> other) {
        return one.isPresent() && other.isPresent() && !one.equals(other);
    }

    /** Never denied: with no accepting node the pod waits, and starts as soon as there is one. */
    private static Decision firstBoot(Fleet fleet, Vm vm, PodRequest pod) {
        List<Policy> policies = fleet.bootPolicies(vm, othersSelector(pod));
        if (policies.isEmpty()) {
            return Decision.Allow.untouched(Reason.NoPolicy);
        }
        if (policies.size() == 1) {
            Policy policy = policies.getFirst();
            return pin(policy)
                    .map(pin -> bind(policy, baseline(fleet, policy, pin, vm.clamp())))
                    .orElseGet(() -> Decision.Allow.untouched(Reason.NotPinned));
        }
        Set<Optional<Pin>> pins = policies.stream()
                .map(p -> p.spec().enforcement() == Enforcement.Enforce ? pin(p) : Optional.<Pin>empty())
                .collect(Collectors.toSet());
        if (pins.equals(Set.of(Optional.<Pin>empty()))) {
            return Decision.Allow.untouched(Reason.NotPinned);
        }
        Steering steering = Steering.toAnyOf(
                policies.stream().map(Gate::bootTerm).distinct().toList());
        return new Decision.Steer(Reason.Baseline, steering, List.of());
    }

    /** A pod of another stack, which says by label which policy it follows. */
    private static Decision optedIn(Fleet fleet, PodRequest pod) {
        String name = pod.labels().get(Names.POLICY_LABEL);
        if (name == null || pod.labels().containsKey("kubevirt.io")) {
            return Decision.Allow.untouched(Reason.NotAVm);
        }
        Optional<Policy> policy = fleet.policy(name);
        if (policy.isEmpty()) {
            return new Decision.Allow(
                    Reason.NoPolicy,
                    List.of("label " + Names.POLICY_LABEL + " names VirtualMachineABI " + name
                            + ", which does not exist; the pod is not held to any guest ABI"));
        }
        Optional<String> stamp = stamp(pod);
        if (stamp.isPresent()) {
            return stamp.flatMap(fleet::digest)
                    .map(abi -> bind(
                            policy.get(),
                            new Decision.Steer(Reason.GuestAbi, Steering.to(Names.nodeLabel(abi)), List.of())))
                    .orElseGet(() -> new Decision.Allow(
                            Reason.Unknown,
                            List.of(Names.STAMP + ": no GuestABI begins with " + stamp.get()
                                    + "; the pod is not held to any guest ABI")));
        }
        return pin(policy.get())
                .map(pin -> bind(policy.get(), baseline(fleet, policy.get(), pin, Clamp.NONE)))
                .orElseGet(() -> Decision.Allow.untouched(Reason.NotPinned));
    }

    private static Decision baseline(Fleet fleet, Policy policy, Pin pin, Clamp clamp) {
        Steering steering = Steering.to(Names.nodeLabel(pin.label()));
        return new Decision.Steer(
                Reason.Baseline,
                policy.spec().placement() == Placement.AvoidIslands
                        ? steering.ratherProfiles(fleet.homes(policy, pin.label(), clamp))
                        : steering,
                List.of());
    }

    /** What makes a node fit to boot on as far as one of several policies goes. */
    private static List<NodeSelectorRequirement> bootTerm(Policy policy) {
        return pin(policy)
                .filter(pin -> policy.spec().enforcement() == Enforcement.Enforce)
                .map(pin -> List.of(new NodeSelectorRequirement(Names.nodeLabel(pin.label()), "In", List.of("true"))))
                .orElseGet(() -> requirements(policy.spec().nodeSelector()));
    }

    private static List<NodeSelectorRequirement> requirements(LabelSelector selector) {
        List<NodeSelectorRequirement> requirements = new ArrayList<>();
        new TreeMap<>(Objects.requireNonNullElse(selector.getMatchLabels(), Map.<String, String>of()))
                .forEach((key, value) -> requirements.add(new NodeSelectorRequirement(key, "In", List.of(value))));
        Objects.requireNonNullElse(
                        selector.getMatchExpressions(),
                        List.<io.fabric8.kubernetes.api.model.LabelSelectorRequirement>of())
                .forEach(
                        e -> requirements.add(new NodeSelectorRequirement(e.getKey(), e.getOperator(), e.getValues())));
        return requirements;
    }

    private static Decision bind(Policy policy, Decision decision) {
        return policy.spec().enforcement() == Enforcement.Audit
                ? new Decision.Audited(policy.name(), decision)
                : decision;
    }

    private static Optional<Pin> pin(Policy policy) {
        return Optional.ofNullable(policy.status()).flatMap(s -> Optional.ofNullable(s.baseline()));
    }

    private static Optional<String> stamp(PodRequest pod) {
        return Optional.ofNullable(pod.labels().get(Names.STAMP))
                .or(() -> Optional.ofNullable(pod.annotations().get(Names.STAMP)));
    }

    /** The pod's node selector without what this gate puts there, so that a second call decides as the first did. */
    private static Map<String, String> othersSelector(PodRequest pod) {
        Map<String, String> others = new TreeMap<>(pod.nodeSelector());
        others.keySet().removeIf(k -> k.startsWith(Names.NODE_LABEL_PREFIX));
        return others;
    }

    /** The VM as the fleet knows it, else as its pod shows it: the pod of a new VM may be seen before the VM is. */
    private static Vm vm(Fleet fleet, PodRequest pod) {
        String name = pod.vmName().orElse("");
        return fleet.vm(pod.namespace(), name)
                .filter(vm -> pod.vmUid().isEmpty() || pod.vmUid().get().equals(vm.uid()))
                .orElseGet(() -> new Vm(
                        pod.namespace(),
                        name,
                        pod.vmUid().orElse(""),
                        pod.labels(),
                        fleet.namespaceLabels(pod.namespace()),
                        pod.isMigrationTarget() ? pod.vmNode() : Optional.empty(),
                        Clamp.NONE,
                        stamp(pod),
                        Optional.empty(),
                        false,
                        Map.of()));
    }
}
