package dev.vmabi.image;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Builds the images of operator and agent for both architectures; {@code make images} runs it.
 *
 * <p>Each becomes a tarball in OCI's layout, {@code target/images/NAME-ARCHITECTURE.tar}, with its bill of materials
 * beside it. With REGISTRY in the environment they are also pushed there, with an index over both architectures.
 */
public final class Images {

    static final List<String> ARCHITECTURES = List.of("amd64", "arm64");
    static final Path OUTPUT = Path.of("target/images");

    private Images() {}

    public static void main(String[] arguments) {
        try {
            Map<String, String> digests = build(OUTPUT);
            String registry = System.getenv("REGISTRY");
            if (registry != null && !registry.isBlank()) {
                for (Component component : Component.ALL) {
                    new ImagePush(registry, component).push(images(OUTPUT, component));
                }
            }
            Files.writeString(
                    OUTPUT.resolve("digests.txt"),
                    String.join(
                            "",
                            digests.entrySet().stream()
                                    .map(e -> e.getValue() + "  " + e.getKey() + "\n")
                                    .toList()));
            System.exit(0);
        } catch (IOException | RuntimeException e) {
            System.err.println("images: not built: " + e.getMessage());
            if (e.getMessage() == null || e instanceof NullPointerException) {
                e.printStackTrace();
            }
            System.exit(1);
        }
    }

    /** Builds all into a directory, which is emptied before; returns the manifests' digests by image and architecture. */
    static Map<String, String> build(Path output) throws IOException {
        Map<String, String> digests = new LinkedHashMap<>();
        for (Component component : Component.ALL) {
            for (Image image : images(output, component)) {
                String digest = image.build();
                System.out.printf(
                        "images: %-20s %5.1f MB  %s%n", image.name(), Files.size(image.tarball()) / 1e6, digest);
                digests.put(image.name(), digest);
            }
        }
        return digests;
    }

    private static List<Image> images(Path output, Component component) {
        return ARCHITECTURES.stream().map(a -> new Image(component, a, output)).toList();
    }
}
