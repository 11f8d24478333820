package dev.vmabi.image;

import dev.vmabi.demo.Driver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Builds the images of operator and agent for both architectures; {@code make images} runs it.
 *
 * <p>Each becomes a tarball in OCI's layout, {@code target/images/NAME-ARCHITECTURE.tar}, with its bill of materials
 * beside it. With REGISTRY in the environment they are also pushed there, with an index over both architectures.
 */
public final class Images {

    static final List<String> ARCHITECTURES = List.of("amd64", "arm64");
    static final Path OUTPUT = Path.of("target/images");
    static final Path DIGESTS = OUTPUT.resolve("digests.txt");

    private Images() {}

    public static void main(String[] arguments) {
        Driver.run("images: not built", Duration.ofMinutes(30), () -> {
            Map<String, String> digests = build(OUTPUT);
            String registry = System.getenv("REGISTRY");
            if (registry != null && !registry.isBlank()) {
                push(registry);
            }
            Files.writeString(
                    DIGESTS,
                    digests.entrySet().stream()
                            .map(e -> e.getValue() + "  " + e.getKey() + "\n")
                            .collect(Collectors.joining()));
            return null;
        });
    }

    /** Pushes what is built. */
    static void push(String registry) {
        try {
            for (Component component : Component.ALL) {
                new ImagePush(registry, component).push(images(OUTPUT, component));
            }
        } catch (IOException e) {
            throw new IllegalStateException("not pushed: " + e.getMessage(), e);
        }
    }

    /** What {@code digests.txt} says: the manifests' digests by image and architecture. */
    static Map<String, String> digests() throws IOException {
        Map<String, String> digests = new LinkedHashMap<>();
        for (String line : Files.readAllLines(DIGESTS)) {
            String[] words = line.split("  ", 2);
            digests.put(words[1], words[0]);
        }
        return digests;
    }

    /** Builds all into a directory, which is emptied before; returns the manifests' digests by image and architecture. */
    static Map<String, String> build(Path output) {
        Map<String, String> digests = new LinkedHashMap<>();
        try {
            for (Component component : Component.ALL) {
                for (Image image : images(output, component)) {
                    String digest = image.build();
                    System.out.printf(
                            "images: %-20s %5.1f MB  %s%n", image.name(), Files.size(image.tarball()) / 1e6, digest);
                    digests.put(image.name(), digest);
                }
            }
        } catch (IOException e) {
            throw new IllegalStateException(e.getMessage(), e);
        }
        return digests;
    }

    private static List<Image> images(Path output, Component component) {
        return ARCHITECTURES.stream().map(a -> new Image(component, a, output)).toList();
    }
}
