package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;

/** HTTP to verbs and back: paths, authentication, representations, errors. */
final class Router implements HttpHandler {
    private static final int MAX_BODY = 3 * 1024 * 1024;
    private static final List<String> POD_VERBS = List.of("binding", "eviction");

    /** A path below a group version, taken apart. */
    private record Target(ResourceType type, String namespace, String name, String subresource) {}

    private final DevServer server;
    private final Store store;
    private final Resources resources;
    private final Operations operations;
    private final Deletion deletion;
    private final PodActions pods;

    Router(
            DevServer server,
            Store store,
            Resources resources,
            Operations operations,
            Deletion deletion,
            PodActions pods) {
        this.server = server;
        this.store = store;
        this.resources = resources;
        this.operations = operations;
        this.deletion = deletion;
        this.pods = pods;
    }

    @Override
    public void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            try {
                serve(exchange);
            } catch (ApiException e) {
                answer(exchange, e.code(), e.status());
            } catch (IOException e) {
                throw e;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } catch (RuntimeException | LinkageError e) {
                System.getLogger("devserver")
                        .log(System.Logger.Level.ERROR, exchange.getRequestURI().toString(), e);
                answer(exchange, 500, new ApiException(500, "InternalError", e.toString()).status());
            }
        }
    }

    private void serve(HttpExchange exchange) throws IOException, InterruptedException {
        String path = exchange.getRequestURI().getPath();
        if (server.paused()) {
            throw new ApiException(503, "ServiceUnavailable", "the server is currently unable to handle the request");
        }
        if (exchange.getRequestHeaders().containsKey("Sec-WebSocket-Key")) {
            // No WebSockets here; 200 is what makes Fabric8's client watch over plain HTTP without trying again first.
            answer(exchange, 200, "text/plain", new byte[0]);
            return;
        }
        if (List.of("/healthz", "/livez", "/readyz").contains(path)) {
            answer(exchange, 200, "text/plain", "ok".getBytes(StandardCharsets.UTF_8));
            return;
        }
        User user = authenticate(exchange);
        List<String> segments = Arrays.stream(path.substring(1).split("/", -1))
                .filter(s -> !s.isEmpty())
                .toList();
        String accept = String.join(",", exchange.getRequestHeaders().getOrDefault("Accept", List.of("*/*")));
        ObjectNode document = document(segments, accept.contains("APIGroupDiscoveryList"));
        if (document != null) {
            boolean aggregated = document.path("kind").asText().equals("APIGroupDiscoveryList");
            String type =
                    "application/json" + (aggregated ? ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList" : "");
            answer(exchange, 200, type, Json.bytes(document));
            return;
        }
        Target target = target(segments);
        String agent = exchange.getRequestHeaders().getFirst("User-Agent");
        Call call = new Call(
                user,
                target.type(),
                target.namespace(),
                target.name(),
                target.subresource(),
                query(exchange),
                agent == null ? "" : agent,
                new ArrayList<>());
        resource(exchange, call, accept);
    }

    private User authenticate(HttpExchange exchange) {
        String header = exchange.getRequestHeaders().getFirst("Authorization");
        if (header == null) {
            throw new ApiException(401, "Unauthorized", "Unauthorized");
        }
        return server.authenticate(header.replaceFirst("^Bearer ", ""));
    }

    /** What is not a resource; null if the path is one. */
    private ObjectNode document(List<String> path, boolean aggregated) {
        return switch (path) {
            case List<String> p when p.equals(List.of("version")) -> DevServer.version();
            case List<String> p when p.equals(List.of("api")) && aggregated -> resources.aggregatedDiscovery(true);
            case List<String> p when p.equals(List.of("apis")) && aggregated -> resources.aggregatedDiscovery(false);
            case List<String> p
            when p.equals(List.of("api")) -> {
                ObjectNode versions = Json.object().put("kind", "APIVersions");
                versions.putArray("versions").add("v1");
                yield versions;
            }
            case List<String> p when p.equals(List.of("apis")) -> resources.groupList();
            case List<String> p
            when p.size() == 2 && p.getFirst().equals("api") -> resources.resourceList("", p.get(1));
            case List<String> p when p.size() == 2 && p.getFirst().equals("apis") -> resources.group(p.get(1));
            case List<String> p
            when p.size() == 3 && p.getFirst().equals("apis") -> resources.resourceList(p.get(1), p.get(2));
            case List<String> p when p.equals(List.of("openapi", "v3")) -> resources.openApiIndex();
            case List<String> p
            when p.size() == 4 && p.subList(0, 3).equals(List.of("openapi", "v3", "api")) ->
                resources.openApi("", p.get(3));
            case List<String> p
            when p.size() == 5 && p.subList(0, 3).equals(List.of("openapi", "v3", "apis")) ->
                resources.openApi(p.get(3), p.get(4));
            default -> null;
        };
    }

    private Target target(List<String> path) {
        boolean core = !path.isEmpty() && path.getFirst().equals("api");
        int skip = core ? 2 : 3;
        if (path.size() <= skip || !(core || path.getFirst().equals("apis"))) {
            throw ApiException.notFound();
        }
        List<String> rest = path.subList(skip, path.size());
        boolean namespaced = rest.getFirst().equals("namespaces")
                && rest.size() > 2
                && !rest.get(2).equals("status");
        String namespace = namespaced ? rest.get(1) : "";
        List<String> own = namespaced ? rest.subList(2, rest.size()) : rest;
        ResourceType type = resources.find(core ? "" : path.get(1), path.get(skip - 1), own.getFirst());
        String subresource = own.size() > 2 ? own.get(2) : "";
        if (type == null
                || own.size() > 3
                || (namespaced && !type.namespaced())
                || (!subresource.isEmpty() && !type.subresources().contains(subresource))) {
            throw ApiException.notFound();
        }
        return new Target(type, namespace, own.size() > 1 ? own.get(1) : "", subresource);
    }

    private static Map<String, String> query(HttpExchange exchange) {
        Map<String, String> query = new HashMap<>();
        String raw = exchange.getRequestURI().getRawQuery();
        for (String pair : raw == null ? new String[0] : raw.split("&", -1)) {
            String[] parts = pair.split("=", 2);
            query.put(
                    URLDecoder.decode(parts[0], StandardCharsets.UTF_8),
                    parts.length == 1 ? "" : URLDecoder.decode(parts[1], StandardCharsets.UTF_8));
        }
        return query;
    }

    private void resource(HttpExchange exchange, Call call, String accept) throws IOException, InterruptedException {
        String method = exchange.getRequestMethod();
        boolean one = !call.name().isEmpty();
        boolean watch = call.query().getOrDefault("watch", "").matches("true|1");
        switch (method) {
            case "GET" -> {
                server.record(call, one ? "get" : watch ? "watch" : "list");
                if (one) {
                    answer(exchange, call, 200, store.require(call), accept);
                } else if (watch) {
                    watch(exchange, call, accept);
                } else {
                    answer(exchange, call, 200, operations.list(call, selector(call)), accept);
                }
            }
            case "POST" -> {
                server.record(call, "create");
                answer(exchange, call, 201, post(call, body(exchange)), accept);
            }
            case "PUT" -> {
                server.record(call, "update");
                answer(exchange, call, 200, operations.replace(call, body(exchange)), accept);
            }
            case "PATCH" -> {
                server.record(call, "patch");
                Operations.PatchType type = patchType(contentType(exchange));
                Operations.Result result =
                        operations.patch(call, type, Json.parse(read(exchange), contentType(exchange)));
                if (result.created()) {
                    server.record(call, "create");
                }
                answer(exchange, call, result.created() ? 201 : 200, result.object(), accept);
            }
            case "DELETE" -> {
                server.record(call, one ? "delete" : "deletecollection");
                ObjectNode options = deleteOptions(call, exchange);
                answer(exchange, call, 200, one ? deletion.delete(call, options) : deleteAll(call, options), accept);
            }
            default ->
                throw new ApiException(
                        405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
        }
    }

    private ObjectNode post(Call call, ObjectNode body) {
        if (call.subresource().equals("token")) {
            return server.tokenRequest(call, body);
        }
        if (POD_VERBS.contains(call.subresource())) {
            return call.subresource().equals("binding") ? pods.bind(call, body) : pods.evict(call, body);
        }
        return operations.create(call, body);
    }

    private ObjectNode deleteAll(Call call, ObjectNode options) {
        ObjectNode list = operations.list(call, selector(call));
        for (JsonNode object : list.path("items")) {
            String namespace = Json.text(object, "metadata", "namespace");
            Store.Key key = new Store.Key(call.type().storedAs(), namespace, Json.text(object, "metadata", "name"));
            Call single = new Call(
                    call.user(),
                    call.type(),
                    namespace,
                    key.name(),
                    "",
                    call.query(),
                    call.userAgent(),
                    call.warnings());
            ObjectNode _ = deletion.delete(single, options.deepCopy());
        }
        return list;
    }

    private static ObjectNode deleteOptions(Call call, HttpExchange exchange) throws IOException {
        byte[] body = read(exchange);
        ObjectNode options = body.length == 0
                ? Json.object()
                : Json.asObject(Json.parse(body, contentType(exchange))).orElseGet(Json::object);
        for (String name : List.of("propagationPolicy", "dryRun")) {
            if (call.query().containsKey(name)) {
                options.put(name, call.query().get(name));
            }
        }
        if (call.query().containsKey("gracePeriodSeconds")) {
            options.put("gracePeriodSeconds", Integer.parseInt(call.query().get("gracePeriodSeconds")));
        }
        if (options.path("dryRun") instanceof ArrayNode stages && !stages.isEmpty()) {
            call.query().put("dryRun", stages.get(0).asText());
        }
        return options;
    }

    private static Predicate<JsonNode> selector(Call call) {
        return Selectors.labels(call.query().getOrDefault("labelSelector", ""))
                .and(Selectors.fields(call.type(), call.query().getOrDefault("fieldSelector", "")));
    }

    private void watch(HttpExchange exchange, Call call, String accept) throws IOException, InterruptedException {
        BooleanSupplier open = server.watchesOpen();
        WatchStream stream = new WatchStream(store, call, selector(call), Views.view(call, accept), open);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(200, 0);
        stream.serve(exchange.getResponseBody());
    }

    private static Operations.PatchType patchType(String contentType) {
        return switch (contentType.split(";", 2)[0].trim()) {
            case "application/json-patch+json" -> Operations.PatchType.JSON;
            case "application/merge-patch+json" -> Operations.PatchType.MERGE;
            case "application/strategic-merge-patch+json" -> Operations.PatchType.STRATEGIC;
            case "application/apply-patch+yaml" -> Operations.PatchType.APPLY;
            default ->
                throw new ApiException(
                        415,
                        "UnsupportedMediaType",
                        "the body of the request was in an unknown format: " + contentType);
        };
    }

    private static String contentType(HttpExchange exchange) {
        String type = exchange.getRequestHeaders().getFirst("Content-Type");
        return type == null ? "application/json" : type;
    }

    private static ObjectNode body(HttpExchange exchange) throws IOException {
        String type = contentType(exchange);
        if (type.contains("protobuf") || type.contains("cbor")) {
            throw new ApiException(
                    415,
                    "UnsupportedMediaType",
                    "the embedded API server reads JSON and YAML, not " + type + "; with kubectl, use apply -f");
        }
        return Json.asObject(Json.parse(read(exchange), type))
                .orElseThrow(() -> ApiException.badRequest("the body is no object"));
    }

    private static byte[] read(HttpExchange exchange) throws IOException {
        byte[] body = exchange.getRequestBody().readNBytes(MAX_BODY + 1);
        if (body.length > MAX_BODY) {
            throw new ApiException(413, "RequestEntityTooLarge", "Request entity too large: limit is " + MAX_BODY);
        }
        return body;
    }

    private static void answer(HttpExchange exchange, Call call, int code, ObjectNode object, String accept)
            throws IOException {
        for (String warning : call.warnings()) {
            exchange.getResponseHeaders()
                    .add("Warning", "299 - \"" + warning.replace("\\", "\\\\").replace("\"", "\\\"") + "\"");
        }
        String kind = Json.text(object, "kind");
        ObjectNode shown = object;
        if (kind.equals(call.type().kind())) {
            shown = Views.view(call, accept).apply(object);
        } else if (kind.equals(call.type().kind() + "List")) {
            shown = Views.list(call, object, accept);
        }
        answer(exchange, code, shown);
    }

    private static void answer(HttpExchange exchange, int code, ObjectNode body) throws IOException {
        answer(exchange, code, "application/json", Json.bytes(body));
    }

    private static void answer(HttpExchange exchange, int code, String type, byte[] body) throws IOException {
        exchange.getRequestBody().skip(Long.MAX_VALUE);
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.sendResponseHeaders(code, body.length);
        exchange.getResponseBody().write(body);
    }
}
