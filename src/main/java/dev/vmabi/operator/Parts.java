package dev.vmabi.operator;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABIStatus;
import dev.vmabi.fleet.FleetState;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import java.util.Objects;

/** Reads objects that may not be of their shape one by one, so that a bad one costs only itself. */
record Parts(ObjectMapper json) {

    /**
     * A NodeABI.
     *
     * @throws IllegalArgumentException if spec or status are not of their shape
     */
    FleetState.Report report(GenericKubernetesResource nodeAbi) {
        return new FleetState.Report(
                Objects.requireNonNullElse(nodeAbi.getMetadata().getGeneration(), 0L),
                part(nodeAbi, "spec", NodeABISpec.class),
                part(nodeAbi, "status", NodeABIStatus.class));
    }

    /**
     * One part of an object in its own type; null where it is absent.
     *
     * @throws IllegalArgumentException if it is not of that shape
     */
    <T> T part(GenericKubernetesResource object, String name, Class<T> type) {
        return json.convertValue(object.getAdditionalProperties().get(name), type);
    }
}
