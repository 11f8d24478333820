package dev.vmabi.operator;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonStreamContext;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.JsonDeserializer;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A part of an object that has no class of its own, {@code spec} say. Of a VirtualMachineInstance what {@link
 * dev.vmabi.fleet.Views#vm} reads is kept, and the rest passed over: there are tens of thousands, and most of each is disks
 * and networks. Of any other kind all is kept.
 */
final class KeptParts extends JsonDeserializer<Object> {
    private record Kept(Map<String, Kept> fields) {
        private static final Kept ALL = new Kept(Map.of());
    }

    private static final Kept OF_VM = new Kept(Map.of(
            "spec",
            new Kept(Map.of(
                    "architecture",
                    Kept.ALL,
                    "nodeSelector",
                    Kept.ALL,
                    "domain",
                    new Kept(Map.of("cpu", new Kept(Map.of("features", Kept.ALL)))))),
            "status",
            new Kept(Map.of(
                    "nodeName",
                    Kept.ALL,
                    "phase",
                    Kept.ALL,
                    "machine",
                    Kept.ALL,
                    "migrationState",
                    new Kept(Map.of("completed", Kept.ALL, "failed", Kept.ALL))))));

    @Override
    public Object deserialize(JsonParser parser, DeserializationContext context) throws IOException {
        if (!parser.isExpectedStartObjectToken()) {
            return context.readValue(parser, Object.class);
        }
        JsonStreamContext object = parser.getParsingContext().getParent();
        boolean ofVm = object.getCurrentValue() instanceof GenericKubernetesResource resource
                && "VirtualMachineInstance".equals(resource.getKind());
        return read(parser, context, ofVm ? OF_VM.fields().getOrDefault(object.getCurrentName(), Kept.ALL) : Kept.ALL);
    }

    private static Object read(JsonParser parser, DeserializationContext context, Kept kept) throws IOException {
        if (kept.fields().isEmpty() || !parser.isExpectedStartObjectToken()) {
            return context.readValue(parser, Object.class);
        }
        Map<String, Object> read = new LinkedHashMap<>();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            Kept part = kept.fields().get(field);
            JsonToken _ = parser.nextToken();
            if (part == null) {
                parser.skipChildren();
            } else {
                read.put(field, read(parser, context, part));
            }
        }
        return read;
    }
}
