package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/** A refusal that reaches the client as a {@code Status} object. */
final class ApiException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** One entry of {@code status.details.causes}. */
    record Cause(String reason, String message, String field) {}

    private final int code;
    private final transient ObjectNode status;

    ApiException(int code, String reason, String message) {
        super(message);
        this.code = code;
        status = Json.object();
        status.put("kind", "Status").put("apiVersion", "v1");
        status.putObject("metadata");
        status.put("status", "Failure").put("message", message);
        status.put("reason", reason).put("code", code);
    }

    static ApiException badRequest(String message) {
        return new ApiException(400, "BadRequest", message);
    }

    static ApiException notFound() {
        return new ApiException(404, "NotFound", "the server could not find the requested resource");
    }

    static ApiException notFound(ResourceType type, String name) {
        return new ApiException(404, "NotFound", type.groupResource() + " \"" + name + "\" not found")
                .about(type, name);
    }

    static ApiException exists(ResourceType type, String name) {
        return new ApiException(409, "AlreadyExists", type.groupResource() + " \"" + name + "\" already exists")
                .about(type, name);
    }

    static ApiException conflict(ResourceType type, String name, String why) {
        String message = "Operation cannot be fulfilled on " + type.groupResource() + " \"" + name + "\": " + why;
        return new ApiException(409, "Conflict", message).about(type, name);
    }

    static ApiException modified(ResourceType type, String name) {
        return conflict(
                type,
                name,
                "the object has been modified; please apply your changes to the latest version and try again");
    }

    static ApiException forbidden(ResourceType type, String name, String why) {
        return new ApiException(403, "Forbidden", type.groupResource() + " \"" + name + "\" is forbidden: " + why)
                .about(type, name);
    }

    static ApiException gone(long revision, long oldest) {
        return new ApiException(410, "Expired", "too old resource version: " + revision + " (" + oldest + ")");
    }

    static ApiException invalid(ResourceType type, String name, List<Cause> causes) {
        List<String> messages =
                causes.stream().map(c -> c.field() + ": " + c.message()).toList();
        String kind = type.group().isEmpty() ? type.kind() : type.kind() + "." + type.group();
        String text = messages.size() == 1 ? messages.getFirst() : "[" + String.join(", ", messages) + "]";
        return new ApiException(422, "Invalid", kind + " \"" + name + "\" is invalid: " + text)
                .about(type, name)
                .because(causes);
    }

    ApiException about(ResourceType type, String name) {
        status.withObjectProperty("details")
                .put("name", name)
                .put("group", type.group())
                .put("kind", code == 422 ? type.kind() : type.plural());
        return this;
    }

    ApiException because(List<Cause> causes) {
        var list = status.withObjectProperty("details").putArray("causes");
        for (Cause cause : causes) {
            list.addObject()
                    .put("reason", cause.reason())
                    .put("message", cause.message())
                    .put("field", cause.field());
        }
        return this;
    }

    int code() {
        return code;
    }

    ObjectNode status() {
        return status;
    }
}
