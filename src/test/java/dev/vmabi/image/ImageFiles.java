package dev.vmabi.image;

import dev.vmabi.demo.OperatorProcess;
import dev.vmabi.devserver.DevServer;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;

/**
 * The files of an image, as directories that become its layers from what changes least to what changes most: the C
 * library of Debian, a Java runtime of the needed modules alone, the dependencies, the product.
 *
 * <p>There is no shell and no package manager. The C library is glibc because OpenJDK as Debian builds it needs it.
 */
final class ImageFiles {

    /** User and group that processes run as; the chart sets the same. */
    static final int USER = 65532;

    private static final String JDK = "openjdk-25-jdk-headless";
    private static final List<String> LIBRARIES = List.of(
            "libc.so.6",
            "libdl.so.2",
            "libgcc_s.so.1",
            "libm.so.6",
            "libpthread.so.0",
            "libresolv.so.2",
            "librt.so.1",
            "libstdc++.so.6",
            "libz.so.1");

    private final Component component;
    private final String architecture;
    private final Path root;
    private final DebianArchive archive = new DebianArchive(Path.of(".cache/images"));

    /** @param root where the files are laid; emptied before */
    ImageFiles(Component component, String architecture, Path root) {
        this.component = component;
        this.architecture = architecture;
        this.root = root;
    }

    void lay() throws IOException {
        if (Files.exists(root)) {
            DevServer.deleteRecursively(root);
        }
        List<DebianPackage> packages = DebianPackage.pinned(architecture);
        library(packages);
        runtime(packages);
        application();
        Path bill = root.resolve("bill/opt/vmabi/sbom.cdx.json");
        Files.createDirectories(bill.getParent());
        Files.writeString(bill, BillOfMaterials.of(component, packages, jars()));
        Files.copy(
                bill,
                root.resolveSibling(component.repository() + "-" + architecture + ".cdx.json"),
                StandardCopyOption.REPLACE_EXISTING);
    }

    /** The layers that were laid out, each a directory that stands for {@code /}, in their order. */
    List<Path> layers() {
        return Stream.of("library", "java", "dependencies", "application", "bill")
                .map(root::resolve)
                .toList();
    }

    private void library(List<DebianPackage> packages) throws IOException {
        Path layer = root.resolve("library");
        Path triplet = Path.of("usr/lib", architecture.equals("amd64") ? "x86_64-linux-gnu" : "aarch64-linux-gnu");
        Path loader =
                Path.of(architecture.equals("amd64") ? "lib64/ld-linux-x86-64.so.2" : "lib/ld-linux-aarch64.so.1");
        List<String> wanted = new ArrayList<>(LIBRARIES);
        for (DebianPackage each : packages) {
            Path from = archive.unpacked(each);
            for (String name : LIBRARIES) {
                if (Files.exists(from.resolve(triplet).resolve(name))) {
                    copy(
                            from.resolve(triplet).resolve(name),
                            layer.resolve(triplet).resolve(name));
                    wanted.remove(name);
                }
            }
            if (Files.exists(from.resolve("usr").resolve(loader))) {
                copy(from.resolve("usr").resolve(loader), layer.resolve(loader));
                layer.resolve(loader).toFile().setExecutable(true, false);
            }
            Path copyright = Path.of("usr/share/doc", each.name(), "copyright");
            if (Files.isRegularFile(from.resolve(copyright))) {
                copy(from.resolve(copyright), layer.resolve(copyright));
            }
            if (!each.name().equals(JDK)) {
                known(each, layer);
            }
        }
        if (!wanted.isEmpty() || !Files.exists(layer.resolve(loader))) {
            throw new IllegalStateException(
                    "no " + wanted + " or no " + loader + " in the packages for " + architecture);
        }
        text(layer, "etc/passwd", "root:x:0:0:root:/:/none\nvmabi:x:65532:65532:vmabi:/:/none\n");
        text(layer, "etc/group", "root:x:0:\nvmabi:x:65532:\n");
        text(layer, "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n");
        text(layer, "etc/os-release", "NAME=\"Debian GNU/Linux\"\nID=debian\nVERSION_ID=\"13\"\n");
        Files.createDirectories(layer.resolve("tmp"));
    }

    private void runtime(List<DebianPackage> packages) throws IOException {
        DebianPackage jdk =
                packages.stream().filter(p -> p.name().equals(JDK)).findFirst().orElseThrow();
        Path layer = root.resolve("java");
        Files.createDirectories(layer.resolve("opt"));
        Path modules = archive.unpacked(jdk)
                .resolve("usr/lib/jvm/java-25-openjdk-" + architecture)
                .resolve("jmods");
        StringWriter said = new StringWriter();
        PrintWriter writer = new PrintWriter(said);
        int code = ToolProvider.findFirst("jlink")
                .orElseThrow(() -> new IllegalStateException("this Java has no jlink: a JDK is needed"))
                .run(
                        writer,
                        writer,
                        "--module-path",
                        modules.toString(),
                        "--add-modules",
                        String.join(",", component.modules()),
                        "--strip-java-debug-attributes",
                        "--no-header-files",
                        "--no-man-pages",
                        "--exclude-files",
                        "**.debuginfo",
                        "--output",
                        layer.resolve("opt/java").toString());
        if (code != 0) {
            throw new IllegalStateException("jlink: " + said);
        }
        known(jdk, layer);
    }

    private void application() throws IOException {
        Path from = component.application();
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                String path = from.relativize(file).toString();
                boolean own =
                        !path.endsWith(".jar") || path.matches("(app|quarkus)/.*|vmabi-agent\\.jar|quarkus-run\\.jar");
                copy(
                        file,
                        root.resolve(own ? "application" : "dependencies")
                                .resolve("opt/vmabi")
                                .resolve(path));
            }
        }
        if (component.equals(Component.OPERATOR)) {
            copy(
                    OperatorProcess.COMPILERS,
                    root.resolve("application/opt/vmabi").resolve(OperatorProcess.COMPILERS.getFileName()));
            text(root.resolve("application"), "opt/vmabi/vmabi", """
                    -XX:+UseSerialGC
                    -XX:TieredStopAtLevel=1
                    --enable-native-access=ALL-UNNAMED
                    -cp "/opt/vmabi/app/*:/opt/vmabi/lib/main/*"
                    dev.vmabi.cli.VmAbi
                    """);
        }
    }

    private List<Path> jars() throws IOException {
        try (Stream<Path> files = Files.walk(root.resolve("dependencies"))) {
            return files.filter(f -> f.toString().endsWith(".jar")).sorted().toList();
        }
    }

    /** Where scanners look for Debian's packages in an image without dpkg. */
    private void known(DebianPackage each, Path layer) throws IOException {
        copy(
                archive.unpacked(each).resolve("control"),
                layer.resolve("var/lib/dpkg/status.d").resolve(each.name()));
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to.getParent());
        Files.copy(from, to);
    }

    private static void text(Path layer, String path, String content) throws IOException {
        Files.createDirectories(layer.resolve(path).getParent());
        Files.writeString(layer.resolve(path), content);
    }
}
