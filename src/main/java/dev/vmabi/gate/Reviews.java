package dev.vmabi.gate;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.filter.FilteringParserDelegate;
import com.fasterxml.jackson.core.filter.TokenFilter;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmabi.api.Stored;
import dev.vmabi.api.VirtualMachineABISpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * AdmissionReview (admission.k8s.io/v1) to and from JSON. Of a request only what decisions need is kept; the rest, which
 * for a pod is most of it, is passed over while it is read.
 */
final class Reviews {
    private static final String API_VERSION = "admission.k8s.io/v1";
    private static final String KIND = "AdmissionReview";
    private static final int MOST_NESTING = 100;

    /** Most characters of a warning before an API server may cut it. */
    private static final int MOST_WARNING = 256;

    private static final ObjectMapper JSON = new ObjectMapper(JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MOST_NESTING)
                    .build())
            .build());

    private static final TokenFilter ALL = TokenFilter.INCLUDE_ALL;
    private static final TokenFilter DOMAIN = new Kept(Map.of("cpu", new Kept(Map.of("features", ALL))));
    private static final TokenFilter KEPT = new Kept(Map.of(
            "apiVersion",
            ALL,
            "kind",
            ALL,
            "request",
            new Kept(Map.of(
                    "uid",
                    ALL,
                    "namespace",
                    ALL,
                    "operation",
                    ALL,
                    "dryRun",
                    ALL,
                    "userInfo",
                    new Kept(Map.of("username", ALL)),
                    "object",
                    new Kept(Map.of(
                            "metadata",
                            new Kept(Map.of("name", ALL, "generateName", ALL, "labels", ALL, "annotations", ALL)),
                            "spec",
                            new Kept(Stream.of(
                                            "nodeSelector",
                                            "affinity",
                                            "architecture",
                                            "domain",
                                            "vmiName",
                                            "addedNodeSelector",
                                            "sendTo",
                                            "receive",
                                            "workloads",
                                            "baseline",
                                            "raise",
                                            "fences",
                                            "vmm",
                                            "placement",
                                            "oneWayMoves",
                                            "impose",
                                            "enforcement")
                                    .collect(Collectors.toMap(
                                            name -> name, name -> name.equals("domain") ? DOMAIN : ALL)))))))));

    private Reviews() {}

    /** What was sent is no AdmissionReview that this gate can answer. */
    static final class Malformed extends Exception {
        Malformed(String message) {
            super(message);
        }
    }

    /** The {@code request}, with a text for its uid. */
    static JsonNode request(byte[] body) throws Malformed {
        JsonNode review;
        try (JsonParser parser = new FilteringParserDelegate(
                JSON.createParser(body), KEPT, TokenFilter.Inclusion.INCLUDE_ALL_AND_PATH, true)) {
            review = JSON.readTree(parser);
        } catch (IOException e) {
            throw new Malformed("the body is no JSON that can be read");
        }
        if (review == null || !review.isObject()) {
            throw new Malformed("the body is no JSON object");
        }
        if (!API_VERSION.equals(review.path("apiVersion").asText())
                || !KIND.equals(review.path("kind").asText())) {
            throw new Malformed("only " + KIND + " of " + API_VERSION + " is answered");
        }
        JsonNode request = review.path("request");
        if (!request.path("uid").isTextual()) {
            throw new Malformed("request.uid is missing");
        }
        return request;
    }

    /** The spec of a policy; empty for one that is not of its shape, which the schema refuses. */
    static Optional<Stored<VirtualMachineABISpec>> policy(JsonNode request) {
        JsonNode spec = request.path("object").get("spec");
        if (spec != null && hasNull(spec)) {
            return Optional.empty();
        }
        try {
            return Optional.of(Stored.read(spec, "spec", VirtualMachineABISpec.class))
                    .filter(asked -> asked.value() != null);
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    private static boolean hasNull(JsonNode tree) {
        return tree.isNull() || tree.valueStream().anyMatch(Reviews::hasNull);
    }

    /** The answer; {@code patch} may be empty. */
    static byte[] answer(String uid, Decision decision, ArrayNode patch) {
        ObjectNode review = JsonNodeFactory.instance.objectNode();
        review.put("apiVersion", API_VERSION).put("kind", KIND);
        ObjectNode response = review.putObject("response");
        response.put("uid", uid);
        response.put("allowed", !(decision instanceof Decision.Deny));
        try {
            if (decision instanceof Decision.Deny deny) {
                // 403 and no retryAfterSeconds: KubeVirt's client would sleep on others inside its start lock.
                response.putObject("status")
                        .put("code", 403)
                        .put("reason", "Forbidden")
                        .put("message", deny.message());
            }
            if (!patch.isEmpty()) {
                response.put("patchType", "JSONPatch").put("patch", JSON.writeValueAsBytes(patch));
            }
            if (!decision.warnings().isEmpty()) {
                ArrayNode warnings = response.putArray("warnings");
                decision.warnings().forEach(w -> warnings.add(oneLine(w)));
            }
            return JSON.writeValueAsBytes(review);
        } catch (IOException e) {
            throw new UncheckedIOException("a JSON tree in memory can be written", e);
        }
    }

    private static String oneLine(String warning) {
        String line = warning.replaceAll("\\p{Cntrl}+", "; ");
        return line.length() <= MOST_WARNING ? line : line.substring(0, MOST_WARNING - 3) + "...";
    }

    /** Keeps named properties of an object. */
    private static final class Kept extends TokenFilter {
        private final Map<String, TokenFilter> properties;

        Kept(Map<String, TokenFilter> properties) {
            this.properties = properties;
        }

        @Override
        public TokenFilter includeProperty(String name) {
            return properties.get(name);
        }

        /** An object stays one even if nothing of it is kept: whether there is one matters. */
        @Override
        public boolean includeEmptyObject(boolean contentsFiltered) {
            return true;
        }

        @Override
        protected boolean _includeScalar() {
            return false;
        }
    }
}
