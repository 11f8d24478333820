package dev.vmabi.fleet;

import dev.vmabi.abi.Clamp;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * How KubeVirt is had to start a guest under a clamp. libvirt's list for arm64 ({@code cpu_map/arm_features.xml}) has
 * SVE, its vector lengths and pointer authentication: these are CPU features of the VM. The rest only QEMU's command
 * line can say: a hook on the domain puts it there, in VMs whose owner asked for the hook.
 *
 * @param cpuFeatures names for {@code spec.domain.cpu.features} with policy {@code disable}
 * @param byHook the rest, as the hook reads it; empty where nothing is left
 */
public record Imposition(SortedSet<String> cpuFeatures, String byHook) {
    /** The hook is a script in ConfigMap vmabi-hook (deploy/kubevirt-hook.yaml). */
    private static final Pattern HOOK =
            Pattern.compile("\"configMap\"\\s*:\\s*\\{[^}]*\"name\"\\s*:\\s*\"vmabi-hook\"");

    private static final Pattern HOOK_PART = Pattern.compile("psci=[0-9]{1,3}\\.[0-9]{1,3}|pmu=off|steal-time=off");
    private static final int QUADWORD_BITS = 128;
    private static final int MOST_QUADWORDS = 16;

    public Imposition {
        cpuFeatures = Collections.unmodifiableSortedSet(new TreeSet<>(cpuFeatures));
    }

    /** How to impose a clamp. */
    public static Imposition of(Clamp clamp) {
        SortedSet<String> features = new TreeSet<>();
        if (clamp.sveOff()) {
            features.add("sve");
        } else if (clamp.sveMaxVq() != 0) {
            // KVM guests lose a length only together with all that are longer.
            for (int vq = clamp.sveMaxVq() + 1; vq <= MOST_QUADWORDS; vq++) {
                features.add("sve" + vq * QUADWORD_BITS);
            }
        }
        if (clamp.pauthOff()) {
            features.add("pauth");
        }
        List<String> rest = List.of(clamp.toString().split(",")).stream()
                .filter(part -> HOOK_PART.matcher(part).matches())
                .toList();
        return new Imposition(features, String.join(",", rest));
    }

    /** What a VM is by it, for people. */
    public String text() {
        return "started"
                + (cpuFeatures.isEmpty() ? "" : " without " + String.join(", ", cpuFeatures))
                + (byHook.isEmpty() ? "" : " with " + byHook + " by its hook");
    }

    /** Whether a VM's annotation {@code hooks.kubevirt.io/hookSidecars} asks for the hook. */
    public static boolean hooked(String hookSidecars) {
        return HOOK.matcher(hookSidecars).find();
    }

    /**
     * The clamp that a VM was started under.
     *
     * @param disabled the CPU features that it is started without
     * @param hook what its hook was told, if it has one; the hook passes over what it does not know, and so does this
     */
    public static Clamp imposed(Collection<String> disabled, Optional<String> hook) {
        List<String> parts = new ArrayList<>();
        int shortest = disabled.stream()
                .filter(f -> f.matches("sve[1-9][0-9]{2,3}"))
                .mapToInt(f -> Integer.parseInt(f.substring("sve".length())))
                .min()
                .orElse(0);
        if (disabled.contains("sve") || shortest == QUADWORD_BITS) {
            parts.add("sve=off");
        } else if (shortest > QUADWORD_BITS && shortest <= MOST_QUADWORDS * QUADWORD_BITS) {
            parts.add("sve-max-vq=" + (shortest / QUADWORD_BITS - 1));
        }
        if (disabled.contains("pauth")) {
            parts.add("pauth=off");
        }
        hook.stream()
                .flatMap(text -> Pattern.compile(",").splitAsStream(text))
                .filter(part -> HOOK_PART.matcher(part).matches())
                .filter(part -> !parts.contains(part))
                .forEach(parts::add);
        return Clamp.parse(String.join(",", parts));
    }
}
