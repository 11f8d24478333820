package dev.vmabi.api;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.deser.DeserializationProblemHandler;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A part of an object of the cluster, which a later version than this one may have written: fields that this one does not
 * know are passed over; of a field of a known set of values, a value that is not known is left out, and told.
 *
 * @param value null where the object has no such part
 * @param unknown what was left out, each with field, value and what to do
 */
public record Stored<T>(T value, List<String> unknown) {
    private static final ObjectMapper JSON = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    /**
     * Reads a part.
     *
     * @param part maps, lists and scalars, or a tree of them; may be null
     * @param name what messages call it, like {@code spec}
     * @throws IllegalArgumentException if it is not of the type's shape
     */
    public static <T> Stored<T> read(Object part, String name, Class<T> type) {
        if (part == null) {
            return new Stored<>(null, List.of());
        }
        List<String> unknown = new ArrayList<>();
        DeserializationProblemHandler handler = new DeserializationProblemHandler() {
            @Override
            public Object handleWeirdStringValue(
                    DeserializationContext context, Class<?> target, String text, String failure) {
                if (!target.isEnum()) {
                    return NOT_HANDLED;
                }
                unknown.add(name + field(context) + ": " + text + " is not known to this version; take one of "
                        + Arrays.stream(target.getEnumConstants())
                                .map(v -> JSON.valueToTree(v).asText())
                                .collect(Collectors.joining(", "))
                        + ", or upgrade");
                return null;
            }
        };
        try {
            T value = JSON.readerFor(type).withHandler(handler).readValue(JSON.<JsonNode>valueToTree(part));
            return new Stored<>(value, List.copyOf(unknown));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(name + ": " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new UncheckedIOException("a tree in memory can be read", e);
        }
    }

    /** {@code .fences[1].surface}, from what JSON calls {@code /fences/1/surface}. */
    private static String field(DeserializationContext context) {
        return context.getParser()
                .getParsingContext()
                .pathAsPointer()
                .toString()
                .replaceAll("/([0-9]+)(?=/|$)", "[$1]")
                .replace('/', '.');
    }
}
