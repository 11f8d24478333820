package dev.vmabi.chaos.check;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Vmm;
import io.fabric8.kubernetes.api.model.Pod;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/** What the guest of each VM has, followed from where it was born over each place where it landed. */
final class Guests {
    private static final Vmm VMM = Vmm.parse("qemu:11.1");

    /**
     * {@code has} is empty while, or because, nobody can tell what it has.
     *
     * @param bornIn the boot in which its node was seen when it was born there; empty once it has moved
     */
    private record Guest(String node, Optional<String> bornIn, Optional<GuestAbi> has, boolean lost) {}

    private final Map<String, Guest> byUid = new HashMap<>();
    private final BiConsumer<String, String> broken;

    /** @param broken told the object and what is wrong when a guest is where its ABI is refused */
    Guests(BiConsumer<String, String> broken) {
        this.broken = broken;
    }

    /** Looks where the VM is now. */
    synchronized void saw(Picture.Vm vm, Picture picture) {
        if (vm.node().isEmpty()) {
            return;
        }
        String node = vm.node().get();
        Guest before = byUid.get(vm.uid());
        Optional<HostProfile> host = picture.fresh(node).flatMap(picture::profile);
        Optional<String> boot = picture.boot(node);
        if (before == null
                || (before.has().isEmpty() && !before.lost() && before.node().equals(node))) {
            byUid.put(vm.uid(), new Guest(node, boot, host.map(h -> h.birth(Clamp.NONE)), false));
        } else if (before.node().equals(node)
                && before.bornIn().isPresent()
                && !before.bornIn().equals(boot)) {
            // No guest outlives its node's boot: this one was seen before the boot that it was born in.
            byUid.put(vm.uid(), new Guest(node, boot, Optional.empty(), false));
        } else if (!before.node().equals(node)) {
            if (before.has().isEmpty()) {
                byUid.put(vm.uid(), new Guest(node, Optional.empty(), Optional.empty(), true));
            } else if (host.isPresent()) {
                byUid.put(vm.uid(), landed(vm, before.has().get(), node, host.get()));
            }
        }
    }

    private Guest landed(Picture.Vm vm, GuestAbi had, String node, HostProfile host) {
        Optional<GuestAbi> has = landing(had, host);
        if (has.isEmpty()) {
            broken.accept(
                    "VirtualMachineInstance " + vm.key(),
                    "has " + had.digest().label() + " and was let in to " + node + ", which refuses it");
        }
        return new Guest(node, Optional.empty(), has, has.isEmpty());
    }

    /** What a guest has on that host after a move; empty if the host refuses it. */
    private static Optional<GuestAbi> landing(GuestAbi had, HostProfile host) {
        try {
            return Optional.of(host.land(had, VMM, Clamp.NONE));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /**
     * Looks at a pod, just let in, that a guest is to move into. It must be held to nodes that take what the guest has; by
     * what it is stamped with, where nobody can tell what that is.
     */
    synchronized void admitted(Pod pod) {
        Optional<String> has = Optional.ofNullable(pod.getMetadata().getLabels().get("kubevirt.io/created-by"))
                .flatMap(this::has)
                .map(abi -> abi.digest().label());
        Map<String, String> selector = Objects.requireNonNullElse(pod.getSpec().getNodeSelector(), Map.of());
        // A VM that was stamped while its pod was made has a pod without a stamp.
        boolean held = has.map(abi -> "true".equals(selector.get(Expected.PREFIX + abi)))
                .orElseGet(() -> GateLook.held(pod));
        if (!held) {
            broken.accept(
                    "Pod " + pod.getMetadata().getName(),
                    "was let in and is not held to nodes that take its guest, which has "
                            + has.orElse("nobody knows what")
                            + "; its stamp is " + pod.getMetadata().getLabels().get(Expected.STAMP)
                            + ", its node selector " + new TreeMap<>(selector));
        }
    }

    /** Whether a kernel that is really so takes the guest, as far as anybody can tell what it has. */
    synchronized boolean taken(String uid, HostProfile host) {
        return has(uid).map(had -> landing(had, host).isPresent()).orElse(true);
    }

    synchronized Optional<GuestAbi> has(String uid) {
        return Optional.ofNullable(byUid.get(uid)).flatMap(Guest::has);
    }

    /** Whether the place where the VM is was seen and what it has there worked out, as far as that can be. */
    synchronized boolean follows(String uid, String node) {
        Guest guest = byUid.get(uid);
        return guest != null
                && guest.node().equals(node)
                && (guest.lost() || guest.has().isPresent());
    }

    synchronized void retain(Set<String> uids) {
        byUid.keySet().retainAll(uids);
    }
}
