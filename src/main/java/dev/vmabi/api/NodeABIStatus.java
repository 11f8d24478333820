package dev.vmabi.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Size;
import io.fabric8.kubernetes.api.model.Condition;
import java.util.List;

/** What the operator makes of a node's report. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record NodeABIStatus(
        @JsonPropertyDescription("Generation of the report that this status speaks of.")
        Long observedGeneration,

        @JsonPropertyDescription(
                "Reporting: the agent has written a report that holds. Fresh: it is from the node's present boot. "
                        + "Compatible: the node has proved the baseline of its policy.")
        @Size(max = 8)
        List<Condition> conditions,

        @JsonPropertyDescription("What each policy that selects this node makes of it.") @Size(max = 8)
        List<PolicyVerdict> policies) {

    public NodeABIStatus {
        conditions = conditions == null ? List.of() : List.copyOf(conditions);
        policies = policies == null ? List.of() : List.copyOf(policies);
    }

    /** One policy's view of the node. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record PolicyVerdict(
            @JsonPropertyDescription("Name of the VirtualMachineABI.")
            String policy,

            @JsonPropertyDescription("Accepting, Fenced, Waiting or Conflict.")
            NodeState state,

            @JsonPropertyDescription("Why, one line for each reason; at most 8.") @Size(max = 8)
            List<String> reasons) {

        public PolicyVerdict {
            reasons = reasons == null ? List.of() : List.copyOf(reasons);
        }
    }

    /** What a policy lets a node do. */
    public enum NodeState {
        /** Proved the baseline since its last boot; VMs may come. */
        Accepting,
        /** Cannot honour the baseline, or lacks a required feature; no VM may come. */
        Fenced,
        /** No fresh report or no proof yet; no VM may come until there is. */
        Waiting,
        /** An older policy holds this node. */
        Conflict
    }
}
