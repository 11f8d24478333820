package dev.vmabi.fleet;

import dev.vmabi.abi.Catalogue;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.Exclusions;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.VirtualMachineABISpec;
import dev.vmabi.api.VirtualMachineABISpec.BaselineSource;
import dev.vmabi.api.VirtualMachineABISpec.FenceRaise;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A policy's spec in the fleet's own types.
 *
 * @param problems what is wrong with the spec, each with the field, the value and what to do; empty for a good one
 */
record PolicyTerms(
        Vmm vmm,
        Set<String> require,
        Exclusions exclusions,
        Optional<Digest> profile,
        Duration soak,
        Optional<Digest> approve,
        Optional<Digest> lowerTo,
        List<FenceTerms> fences,
        List<String> problems) {

    /** A fence, and when it is to be raised. */
    record FenceTerms(Fence fence, FenceRaise raise) {}

    private static final Pattern DURATION_PART = Pattern.compile("([0-9]{1,6})([hms])");
    private static final String DEFAULT_QEMU = "10.0";

    static PolicyTerms of(VirtualMachineABISpec spec) {
        List<String> problems = new ArrayList<>();
        if (Selectors.isEmpty(spec.nodeSelector())) {
            problems.add(
                    "spec.nodeSelector is empty; select the pool by a label, for example kubernetes.io/arch: arm64");
        }
        Set<String> require = features("spec.baseline.require", spec.baseline().require(), problems);
        Set<String> exclude = features("spec.baseline.exclude", spec.baseline().exclude(), problems);
        Set<String> both = new TreeSet<>(require);
        both.retainAll(exclude);
        if (!both.isEmpty()) {
            problems.add("spec.baseline: " + String.join(", ", both)
                    + " is both required and excluded; take it out of one of the two lists");
        }
        Optional<Digest> profile =
                digest("spec.baseline.profile", spec.baseline().profile(), problems);
        if (spec.baseline().source() == BaselineSource.Profile && profile.isEmpty() && problems.isEmpty()) {
            problems.add("spec.baseline.profile is missing; name an ABIProfile (kubectl get abiprofiles)");
        }
        return new PolicyTerms(
                vmm(spec.vmm(), problems),
                require,
                new Exclusions(exclude),
                spec.baseline().source() == BaselineSource.Profile ? profile : Optional.empty(),
                duration(spec.raise().soak(), problems),
                digest("spec.raise.approve", spec.raise().approve(), problems),
                digest("spec.baseline.lowerTo", spec.baseline().lowerTo(), problems),
                fences(spec.fences(), problems),
                List.copyOf(problems));
    }

    /** These terms of a spec of which this was left out, because it is not known. */
    PolicyTerms with(List<String> unknown) {
        return unknown.isEmpty()
                ? this
                : new PolicyTerms(
                        vmm,
                        require,
                        exclusions,
                        profile,
                        soak,
                        approve,
                        lowerTo,
                        fences,
                        Stream.concat(unknown.stream(), problems.stream()).toList());
    }

    private static Set<String> features(String field, List<String> names, List<String> problems) {
        Catalogue catalogue = Catalogue.get();
        Set<String> known = new TreeSet<>();
        for (String name : names) {
            if (catalogue.knownFeatures().contains(name)) {
                known.add(name);
            } else {
                problems.add(field + ": " + name + " is not known; the nearest known names are "
                        + String.join(", ", catalogue.nearest(name)));
            }
        }
        return known;
    }

    /** The fences that mean something; of several of one name the first. */
    private static List<FenceTerms> fences(List<VirtualMachineABISpec.Fence> asked, List<String> problems) {
        Map<String, FenceTerms> fences = new LinkedHashMap<>();
        for (VirtualMachineABISpec.Fence fence : asked) {
            if ((fence.surface() == null) == (fence.vmm() == null)) {
                problems.add("spec.fences: each names either a surface or a vmm, not both and not neither");
                continue;
            }
            try {
                Fence known = Fence.of(fence);
                fences.putIfAbsent(known.name(), new FenceTerms(known, fence.raise()));
            } catch (IllegalArgumentException e) {
                problems.add("spec.fences: minimumVersion of " + fence.vmm().text() + ": " + e.getMessage());
            }
        }
        return List.copyOf(fences.values());
    }

    private static Optional<Digest> digest(String field, String text, List<String> problems) {
        if (text == null || text.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(Digest.parse(text));
        } catch (IllegalArgumentException e) {
            problems.add(field + ": " + text + " is no digest; give all 64 hexadecimal digits of an object's name");
            return Optional.empty();
        }
    }

    private static Vmm vmm(VirtualMachineABISpec.Vmm vmm, List<String> problems) {
        String version = vmm.minimumVersion();
        if (version == null && vmm.name() == VirtualMachineABISpec.VmmName.qemu) {
            version = DEFAULT_QEMU;
        }
        try {
            return Vmm.parse(version == null ? vmm.name().text() : vmm.name().text() + ":" + version);
        } catch (IllegalArgumentException e) {
            problems.add("spec.vmm: " + e.getMessage());
            return Vmm.parse("qemu:" + DEFAULT_QEMU);
        }
    }

    private static Duration duration(String text, List<String> problems) {
        Matcher part = DURATION_PART.matcher(text);
        Duration sum = Duration.ZERO;
        int end = 0;
        while (part.find() && part.start() == end) {
            long amount = Long.parseLong(part.group(1));
            sum = sum.plus(
                    switch (part.group(2)) {
                        case "h" -> Duration.ofHours(amount);
                        case "m" -> Duration.ofMinutes(amount);
                        default -> Duration.ofSeconds(amount);
                    });
            end = part.end();
        }
        if (end == 0 || end != text.length()) {
            problems.add("spec.raise.soak: " + text + " is no duration; write it like 90s, 30m or 24h");
        }
        return sum;
    }
}
