package dev.vmabi.web;

import io.vertx.core.buffer.Buffer;
import io.vertx.ext.web.RoutingContext;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;

/** The page's own files, from the class path, by the list in {@code files.txt}: nothing else can be asked for. */
final class Assets {
    private static final String ROOT = "/dev/vmabi/web/";
    private static final Map<String, String> TYPES = Map.of(
            "html", "text/html; charset=utf-8",
            "css", "text/css; charset=utf-8",
            "js", "text/javascript; charset=utf-8",
            "svg", "image/svg+xml");

    private record Asset(String type, Buffer body, String tag) {}

    private final Map<String, Asset> assets = new HashMap<>();

    Assets() {
        new String(read("files.txt"), StandardCharsets.UTF_8).lines().forEach(name -> {
            byte[] body = read(name);
            assets.put(
                    "/" + name,
                    new Asset(TYPES.get(name.substring(name.lastIndexOf('.') + 1)), Buffer.buffer(body), tag(body)));
        });
        assets.put("/", assets.get("/index.html"));
    }

    void serve(RoutingContext context) {
        Asset asset = assets.get(context.request().path());
        if (asset == null) {
            var _ = context.response().setStatusCode(404).end("not found\n");
        } else if (asset.tag().equals(context.request().getHeader("If-None-Match"))) {
            var _ = context.response().setStatusCode(304).end();
        } else {
            var _ = context.response()
                    .putHeader("Content-Type", asset.type())
                    .putHeader("ETag", asset.tag())
                    .end(asset.body());
        }
    }

    private static byte[] read(String name) {
        try (InputStream in = Assets.class.getResourceAsStream(ROOT + name)) {
            if (in == null) {
                throw new IllegalStateException("file " + ROOT + name + " is missing from the class path");
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String tag(byte[] body) {
        try {
            return '"'
                    + HexFormat.of()
                            .formatHex(MessageDigest.getInstance("SHA-256").digest(body), 0, 8)
                    + '"';
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
