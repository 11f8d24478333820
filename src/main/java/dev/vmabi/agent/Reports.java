package dev.vmabi.agent;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.ABIProfileSpec;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.kvm.Proof;
import java.util.List;
import java.util.SortedMap;

/** Findings and proofs as the objects that are published. Pure. */
final class Reports {

    /** Refusals are left out of a NodeABI's spec until it is below this; up to some 35 guest ABIs it then always is. */
    private static final int SPEC_BYTES = 3500;

    private static final int MOST_REFUSED = 8;
    private static final int MOST_TEXT = 40;
    private static final int MOST_NAME = 96;
    private static final int MOST_MESSAGE = 512;

    private Reports() {}

    /** The spec of a NodeABI. Where there are many refusals, each proof keeps only its first ones. */
    static NodeABISpec spec(Host.Findings findings, SortedMap<Digest, Proof.Result> proofs, String agentVersion) {
        NodeABISpec spec = spec(findings, proofs, agentVersion, MOST_REFUSED);
        for (int most = MOST_REFUSED / 2; bytes(spec) > SPEC_BYTES; most /= 2) {
            spec = spec(findings, proofs, agentVersion, most);
            if (most == 0) {
                break;
            }
        }
        return spec;
    }

    /** A NodeABI for server-side apply, owned by its Node. */
    static JsonNode nodeAbi(String node, String nodeUid, NodeABISpec spec) {
        ObjectNode object = object("NodeABI", node);
        ObjectNode owner = ((ObjectNode) object.get("metadata"))
                .putArray("ownerReferences")
                .addObject();
        owner.put("apiVersion", "v1").put("kind", "Node").put("name", node).put("uid", nodeUid);
        object.set("spec", ApiClient.JSON.valueToTree(spec));
        return object;
    }

    /** An ABIProfile for server-side apply, named by its digest. */
    static JsonNode abiProfile(HostProfile profile) {
        ObjectNode object = object("ABIProfile", profile.digest().hex());
        object.set("spec", ApiClient.JSON.valueToTree(ABIProfileSpec.fromHostProfile(profile)));
        return object;
    }

    /** Whether a NodeABI as read says what this spec does and is owned by this Node. */
    static boolean says(JsonNode live, String nodeUid, NodeABISpec spec) {
        try {
            boolean owned = false;
            for (JsonNode owner : live.path("metadata").path("ownerReferences")) {
                owned |= owner.path("uid").asText().equals(nodeUid);
            }
            return owned && spec.equals(ApiClient.JSON.treeToValue(live.path("spec"), NodeABISpec.class));
        } catch (JsonProcessingException e) {
            return false;
        }
    }

    private static NodeABISpec spec(
            Host.Findings findings, SortedMap<Digest, Proof.Result> proofs, String agentVersion, int mostRefused) {
        List<Host.Cpu> cpus = findings.cpus();
        String profile =
                cpus.isEmpty() ? null : cpus.getFirst().profile().digest().hex();
        return new NodeABISpec(
                new NodeABISpec.Kvm(
                        NodeABISpec.KvmState.valueOf(findings.state().name()),
                        findings.message().isEmpty() ? null : cut(findings.message(), MOST_MESSAGE)),
                profile,
                findings.bootId(),
                findings.kernelRelease(),
                cpus.stream().map(cpu -> cpu(cpu, profile)).toList(),
                agentVersion,
                proofs.entrySet().stream()
                        .map(proof -> proof(proof.getKey(), proof.getValue(), mostRefused))
                        .toList());
    }

    private static NodeABISpec.Cpu cpu(Host.Cpu cpu, String nodeProfile) {
        String profile = cpu.profile().digest().hex();
        return new NodeABISpec.Cpu(
                "0x" + Long.toHexString(cpu.midr()), cpu.count(), profile.equals(nodeProfile) ? null : profile);
    }

    private static NodeABISpec.Proof proof(Digest guestAbi, Proof.Result result, int mostRefused) {
        return new NodeABISpec.Proof(
                guestAbi.hex(),
                result.valuesTaken(),
                result.absent(),
                result.refused().stream()
                        .filter(refused -> refused.outcome() != Proof.Outcome.Absent)
                        .limit(mostRefused)
                        .map(refused -> new NodeABISpec.Refused(
                                cut(refused.what(), MOST_NAME),
                                refused.outcome().name(),
                                cut(refused.wanted(), MOST_TEXT),
                                cut(refused.offered(), MOST_TEXT)))
                        .toList());
    }

    private static ObjectNode object(String kind, String name) {
        ObjectNode object = ApiClient.JSON.createObjectNode();
        object.put("apiVersion", Names.API_VERSION).put("kind", kind);
        object.putObject("metadata").put("name", name);
        return object;
    }

    private static int bytes(NodeABISpec spec) {
        try {
            return ApiClient.JSON.writeValueAsBytes(spec).length;
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a spec of strings and numbers can be written", e);
        }
    }

    private static String cut(String text, int most) {
        return text.length() <= most ? text : text.substring(0, most - 3) + "...";
    }
}
