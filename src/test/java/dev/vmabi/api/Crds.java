package dev.vmabi.api;

import io.fabric8.crdv2.generator.CRDGenerator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Generates the custom resource definitions; {@code make crds} writes them to {@code crds/}. */
public final class Crds {
    /** Where the generated definitions are kept. */
    public static final Path DIRECTORY = Path.of("crds");

    private Crds() {}

    /** Writes each definition to the directory that is given. */
    public static void main(String[] arguments) throws IOException {
        Path directory = Path.of(arguments[0]);
        Files.createDirectories(directory);
        for (Map.Entry<String, String> file : generate().entrySet()) {
            Files.writeString(directory.resolve(file.getKey()), file.getValue());
        }
    }

    /** The definitions as YAML, by file name. */
    public static Map<String, String> generate() throws IOException {
        Path directory = Files.createTempDirectory("crds");
        new CRDGenerator()
                .customResourceClasses(
                        List.of(VirtualMachineABI.class, NodeABI.class, ABIProfile.class, GuestABI.class))
                .withPostProcessor(new CrdFinish())
                .forCRDVersions("v1")
                .inOutputDir(directory.toFile())
                .generate();
        Map<String, String> files = new TreeMap<>();
        try (Stream<Path> generated = Files.list(directory)) {
            for (Path file : generated.toList()) {
                String name = file.getFileName().toString().replace("-v1.yml", ".yaml");
                files.put(name, Files.readString(file).replaceFirst("(?m)^# .*\\n", ""));
                Files.delete(file);
            }
        }
        Files.delete(directory);
        return files;
    }
}
