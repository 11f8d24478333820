package dev.vmabi.gate;

import dev.vmabi.api.Names;
import io.fabric8.kubernetes.api.model.NodeSelectorRequirement;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a VM's placement is narrowed to. Only ever adds: what its owner asked for stays.
 *
 * @param nodeSelector labels that the node must have
 * @param anyOf alternatives, of which the node must meet at least one; none for no such demand
 * @param prefer what a node should meet if there is a choice
 */
public record Steering(
        Map<String, String> nodeSelector,
        List<List<NodeSelectorRequirement>> anyOf,
        Optional<NodeSelectorRequirement> prefer) {

    public Steering {
        nodeSelector = Map.copyOf(nodeSelector);
        anyOf = anyOf.stream().map(List::copyOf).toList();
    }

    /** To nodes with this label. */
    static Steering to(String label) {
        return new Steering(Map.of(label, "true"), List.of(), Optional.empty());
    }

    /** To nodes that meet one of these. */
    static Steering toAnyOf(List<List<NodeSelectorRequirement>> anyOf) {
        return new Steering(Map.of(), anyOf, Optional.empty());
    }

    /** And that have one of these profiles, if any is named. */
    Steering onlyProfiles(Collection<String> profiles) {
        return profiles.isEmpty() ? this : new Steering(nodeSelector, List.of(List.of(ofProfile(profiles))), prefer);
    }

    /** Rather to nodes with one of these profiles, if any is named. */
    Steering ratherProfiles(Collection<String> profiles) {
        return profiles.isEmpty() ? this : new Steering(nodeSelector, anyOf, Optional.of(ofProfile(profiles)));
    }

    private static NodeSelectorRequirement ofProfile(Collection<String> profiles) {
        return new NodeSelectorRequirement(Names.PROFILE_LABEL, "In", List.copyOf(profiles));
    }

    /** Where the VM is held, in one line. */
    String text() {
        return "held to nodes with "
                + (anyOf.isEmpty() || !nodeSelector.isEmpty()
                        ? String.join(", ", nodeSelector.keySet())
                        : "the baseline of one of " + anyOf.size() + " policies");
    }
}
