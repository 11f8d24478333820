package dev.vmabi.image;

import com.google.cloud.tools.jib.api.CacheDirectoryCreationException;
import com.google.cloud.tools.jib.api.Containerizer;
import com.google.cloud.tools.jib.api.ImageReference;
import com.google.cloud.tools.jib.api.Jib;
import com.google.cloud.tools.jib.api.JibContainer;
import com.google.cloud.tools.jib.api.JibContainerBuilder;
import com.google.cloud.tools.jib.api.RegistryException;
import com.google.cloud.tools.jib.api.TarImage;
import com.google.cloud.tools.jib.api.buildplan.AbsoluteUnixPath;
import com.google.cloud.tools.jib.api.buildplan.FileEntriesLayer;
import com.google.cloud.tools.jib.api.buildplan.FilePermissions;
import com.google.cloud.tools.jib.api.buildplan.ImageFormat;
import com.google.cloud.tools.jib.api.buildplan.Platform;
import com.google.cloud.tools.jib.api.buildplan.Port;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The image of a component for one architecture. */
record Image(Component component, String architecture, Path output) {

    private static final Instant TIME = Instant.parse(Product.property("project.build.outputTimestamp"));
    private static final AbsoluteUnixPath SCRATCH = AbsoluteUnixPath.get("/tmp");
    private static final FilePermissions ALL = FilePermissions.fromOctalString("777");
    private static final FilePermissions DATA = FilePermissions.fromOctalString("644");
    private static final FilePermissions PROGRAM = FilePermissions.fromOctalString("755");

    String name() {
        return component.repository() + "-" + architecture;
    }

    Path tarball() {
        return output.resolve(name() + ".tar");
    }

    /** Lays out the files and writes the tarball; returns the digest of the manifest. */
    String build() throws IOException {
        files().lay();
        ImageReference reference = ImageReference.of(null, component.repository(), Product.chart("appVersion"));
        return to(Containerizer.to(TarImage.at(tarball()).named(reference)))
                .getDigest()
                .toString();
    }

    private ImageFiles files() {
        return new ImageFiles(component, architecture, output.resolve(name()));
    }

    /** Takes the files, as they were laid out, to where the containerizer says. */
    JibContainer to(Containerizer containerizer) throws IOException {
        try {
            JibContainerBuilder image = Jib.fromScratch()
                    .setPlatforms(Set.of(new Platform(architecture, "linux")))
                    .setFormat(ImageFormat.OCI)
                    .setCreationTime(TIME)
                    .setUser(ImageFiles.USER + ":" + ImageFiles.USER)
                    .setWorkingDirectory(AbsoluteUnixPath.get("/"))
                    // One arena: glibc would keep what the compilers free in several, for good.
                    .setEnvironment(Map.of("PATH", "/opt/java/bin", "LANG", "C.UTF-8", "MALLOC_ARENA_MAX", "1"))
                    .setEntrypoint(entrypoint())
                    .setExposedPorts(component.ports().stream().map(Port::tcp).collect(Collectors.toSet()))
                    .setLabels(labels());
            for (Path layer : files().layers()) {
                image.addFileEntriesLayer(layer(layer));
            }
            return image.containerize(containerizer
                    .setBaseImageLayersCache(output.resolve("jib"))
                    .setApplicationLayersCache(output.resolve("jib"))
                    .setToolName("vmabi"));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } catch (ExecutionException | RegistryException | CacheDirectoryCreationException e) {
            throw new IOException(name() + ": " + e.getMessage(), e);
        }
    }

    private List<String> entrypoint() {
        List<String> command = new ArrayList<>(List.of("/opt/java/bin/java"));
        command.addAll(component.arguments());
        return command;
    }

    private Map<String, String> labels() {
        Map<String, String> labels = new TreeMap<>();
        labels.put("title", component.repository());
        labels.put("description", component.description());
        labels.put("version", Product.chart("appVersion"));
        labels.put("revision", Product.revision());
        labels.put("created", TIME.toString());
        labels.put("licenses", "Apache-2.0");
        labels.put("vendor", "vmabi");
        return labels.entrySet().stream()
                .collect(Collectors.toMap(e -> "org.opencontainers.image." + e.getKey(), Map.Entry::getValue));
    }

    /** Owned by root, and with nothing of this machine but content and whether a file is a program. */
    private static FileEntriesLayer layer(Path directory) throws IOException {
        FileEntriesLayer.Builder layer =
                FileEntriesLayer.builder().setName(directory.getFileName().toString());
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted().skip(1).toList()) {
                AbsoluteUnixPath path = AbsoluteUnixPath.get("/" + directory.relativize(file));
                boolean program = Files.isDirectory(file) || Files.isExecutable(file);
                layer.addEntry(file, path, path.equals(SCRATCH) ? ALL : program ? PROGRAM : DATA, TIME);
            }
        }
        return layer.build();
    }
}
