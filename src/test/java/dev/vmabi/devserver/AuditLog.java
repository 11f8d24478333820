package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/** What a kube-apiserver notes of requests. */
record AuditLog(Path file) {
    /** The policy that makes it note who asked for what, and no content. */
    static final String POLICY = """
            {"apiVersion": "audit.k8s.io/v1", "kind": "Policy",
             "omitStages": ["RequestReceived"], "rules": [{"level": "Metadata"}]}
            """;

    /** Every kind of access that was allowed so far. */
    Set<Access> accesses() {
        Set<Access> accesses = new HashSet<>();
        try {
            for (String line : Files.readAllLines(file)) {
                JsonNode event = Json.parse(line.getBytes(StandardCharsets.UTF_8), "application/json");
                JsonNode what = event.path("objectRef");
                int code = event.path("responseStatus").path("code").asInt();
                if (what.isMissingNode() || code == 401 || code == 403) {
                    continue;
                }
                String subresource = Json.text(what, "subresource");
                String resource = Json.text(what, "resource") + (subresource.isEmpty() ? "" : "/" + subresource);
                String user = Json.text(event, "user", "username");
                String verb = Json.text(event, "verb");
                accesses.add(new Access(user, verb, Json.text(what, "apiGroup"), resource));
                if (verb.equals("patch") && code == 201) {
                    // An apply that creates is authorized as both.
                    accesses.add(new Access(user, "create", Json.text(what, "apiGroup"), resource));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return accesses;
    }
}
