package dev.vmabi.abi;

import java.util.List;

/**
 * Whether VMs born on class {@code from} move to class {@code to}.
 *
 * @param from digest of the default guest ABI of the class the VM comes from
 * @param to digest of the default guest ABI of the class it goes to
 * @param accepted whether every member profile of {@code to} accepts
 * @param oneWay whether the way back is then closed
 * @param refusals the first reasons where not accepted
 */
public record Edge(Digest from, Digest to, boolean accepted, boolean oneWay, List<Refusal> refusals) {
    public Edge {
        refusals = List.copyOf(refusals);
    }
}
