package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** How a client wants to see objects: whole, as rows of a table, or as bare metadata. */
final class Views {
    private Views() {}

    /** An object in the version asked for, or as a table row or bare metadata if the client asked for that. */
    static UnaryOperator<ObjectNode> view(Call call, String accept) {
        String apiVersion = call.type().apiVersion();
        if (accept.contains("as=Table")) {
            String include = call.query().getOrDefault("includeObject", "Metadata");
            return object -> Tables.table(call.type(), List.of(Versions.convert(object, apiVersion)), include);
        }
        if (accept.contains("as=PartialObjectMetadata")) {
            return Tables::partial;
        }
        return object -> Versions.convert(object, apiVersion);
    }

    static ObjectNode list(Call call, ObjectNode list, String accept) {
        List<ObjectNode> objects = new ArrayList<>();
        list.path("items")
                .forEach(item -> objects.add(
                        Versions.convert((ObjectNode) item, call.type().apiVersion())));
        if (accept.contains("as=Table")) {
            ObjectNode table =
                    Tables.table(call.type(), objects, call.query().getOrDefault("includeObject", "Metadata"));
            table.set("metadata", list.path("metadata"));
            return table;
        }
        UnaryOperator<ObjectNode> view = view(call, accept);
        ObjectNode shown = Json.object();
        boolean partial = accept.contains("as=PartialObjectMetadata");
        shown.put("kind", partial ? "PartialObjectMetadataList" : Json.text(list, "kind"));
        shown.put("apiVersion", partial ? "meta.k8s.io/v1" : Json.text(list, "apiVersion"));
        shown.set("metadata", list.path("metadata"));
        ArrayNode items = shown.putArray("items");
        objects.forEach(object -> items.add(view.apply(object)));
        return shown;
    }
}
