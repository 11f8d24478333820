package dev.vmabi.gate;

import io.fabric8.kubernetes.api.model.NodeSelectorRequirement;
import java.util.List;
import java.util.Map;

/**
 * What a VM's placement is narrowed to. Only ever adds: what its owner asked for stays.
 *
 * @param nodeSelector labels that the node must have
 * @param anyOf alternatives, of which the node must meet at least one; none for no such demand
 */
public record Steering(Map<String, String> nodeSelector, List<List<NodeSelectorRequirement>> anyOf) {

    public Steering {
        nodeSelector = Map.copyOf(nodeSelector);
        anyOf = anyOf.stream().map(List::copyOf).toList();
    }

    /** To nodes with this label. */
    static Steering to(String label) {
        return new Steering(Map.of(label, "true"), List.of());
    }
}
