package dev.vmabi.chaos.check;

import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.VirtualMachineABISpec;
import dev.vmabi.api.VirtualMachineABISpec.RaiseStrategy;
import dev.vmabi.api.VirtualMachineABIStatus.Pin;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;

/** How each baseline changes: never by itself, and up only to what every node that is not fenced has proved. */
final class Pins {
    /** How long ago a proof may have been seen that a decision rests on: watches tell of one and of the other apart. */
    private static final Duration LAG = Duration.ofSeconds(30);

    private record Known(Pin pin, Optional<String> wayBack) {}

    private final Map<String, Known> byUid = new HashMap<>();
    private final Map<String, Map<String, Instant>> proved = new HashMap<>();
    private final BiConsumer<String, String> broken;

    Pins(BiConsumer<String, String> broken) {
        this.broken = broken;
    }

    /** Notes what the nodes have proved by now. */
    synchronized void saw(Picture picture, Instant now) {
        picture.nodes()
                .keySet()
                .forEach(node -> picture.fresh(node).map(NodeABISpec::proofs).orElse(List.of()).stream()
                        .filter(NodeABISpec.Proof::accepted)
                        .forEach(p -> proved.computeIfAbsent(node, n -> new HashMap<>())
                                .put(p.guestABI(), now)));
    }

    /** Looks at a policy that may have another baseline than before. */
    synchronized void saw(Picture.Policy policy, Picture picture, Instant now) {
        // The last proof may have come since the last look.
        saw(picture, now);
        Known before = byUid.get(policy.uid());
        Pin pin = policy.status().map(s -> s.baseline()).orElse(null);
        if (pin == null) {
            if (before != null) {
                tell(policy, "lost its baseline " + before.pin().label());
                byUid.remove(policy.uid());
            }
            return;
        }
        Optional<String> wayBack =
                Optional.ofNullable(policy.status().get().previous()).map(p -> p.digest());
        byUid.put(policy.uid(), new Known(pin, wayBack));
        if (before == null) {
            allHaveProved(policy, pin, Optional.empty(), picture, now);
        } else if (!before.pin().digest().equals(pin.digest())) {
            changed(policy, before, pin, picture, now);
        } else if (before.pin().generation() != pin.generation()) {
            tell(policy, "counts another generation of the same baseline " + pin.label());
        }
    }

    private void changed(Picture.Policy policy, Known before, Pin pin, Picture picture, Instant now) {
        VirtualMachineABISpec spec = policy.spec().orElseThrow();
        boolean lowered = pin.digest().equals(spec.baseline().lowerTo());
        boolean approved = pin.digest().equals(spec.raise().approve());
        boolean automatic = spec.raise().strategy() == RaiseStrategy.Automatic
                && pin.features().containsAll(before.pin().features());
        if (!lowered && !approved && !automatic) {
            tell(policy, "went from " + before.pin().label() + " to " + pin.label() + ", which nobody asked for");
        }
        if (pin.generation() <= before.pin().generation()) {
            tell(policy, "went back in generations, from " + before.pin().generation() + " to " + pin.generation());
        }
        boolean back = before.wayBack().equals(Optional.of(pin.digest()));
        if (!lowered && !back) {
            allHaveProved(policy, pin, Optional.of(before.pin().digest()), picture, now);
        }
    }

    private void allHaveProved(Picture.Policy policy, Pin pin, Optional<String> before, Picture picture, Instant now) {
        for (Picture.Node node : picture.nodes().values()) {
            boolean held = Expected.holder(picture, node)
                    .filter(p -> p.uid().equals(policy.uid()))
                    .isPresent();
            Instant at = proved.getOrDefault(node.name(), Map.of()).get(pin.digest());
            boolean has = at != null && at.isAfter(now.minus(LAG));
            boolean fenced = before.isPresent() && refuses(picture, node.name(), before.get());
            // A first pin is made for nodes that report; a raise waits for the others as well.
            boolean counts = before.isPresent() || picture.fresh(node.name()).isPresent();
            if (held && counts && !has && !fenced && node.created().isBefore(now.minus(LAG))) {
                tell(policy, "was pinned to " + pin.label() + ", which node " + node.name() + " has not proved");
            }
        }
    }

    private static boolean refuses(Picture picture, String node, String digest) {
        return picture.fresh(node).map(NodeABISpec::proofs).orElse(List.of()).stream()
                .anyMatch(p -> digest.equals(p.guestABI()) && !p.accepted());
    }

    private void tell(Picture.Policy policy, String what) {
        broken.accept("VirtualMachineABI " + policy.name(), what);
    }
}
