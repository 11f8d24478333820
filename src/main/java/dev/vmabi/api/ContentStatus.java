package dev.vmabi.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Size;
import io.fabric8.kubernetes.api.model.Condition;
import java.util.List;

/** Whether a content-addressed object is what its name says. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record ContentStatus(
        @JsonPropertyDescription("Generation of the content that this status speaks of.")
        Long observedGeneration,

        @JsonPropertyDescription("Valid: the content can be read and has the digest that the object is named by.")
        @Size(max = 4)
        List<Condition> conditions) {

    public ContentStatus {
        conditions = conditions == null ? List.of() : List.copyOf(conditions);
    }
}
