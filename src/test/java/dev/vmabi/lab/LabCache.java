package dev.vmabi.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What the emulated hosts are made of, fetched once into a directory. */
final class LabCache {

    private static final Path SCRIPTS = Path.of("src/test/lab");

    private final Path directory;

    private LabCache(Path directory) {
        this.directory = directory;
    }

    /**
     * Fetches and makes what is missing. The directory is {@code .cache/lab}, or VMABI_LAB_CACHE of the environment.
     *
     * @throws IllegalStateException if that fails; a script has said why
     */
    static LabCache prepared() {
        String elsewhere = System.getenv("VMABI_LAB_CACHE");
        Path directory = Path.of(elsewhere == null || elsewhere.isBlank() ? ".cache/lab" : elsewhere);
        System.out.println("lab: the first run fetches about 350 MB of Debian packages into " + directory);
        run(List.of(script("fetch.sh"), directory.toString()));
        run(List.of(script("image.sh"), directory.toString()));
        return new LabCache(directory.toAbsolutePath());
    }

    Path directory() {
        return directory;
    }

    /** A part that image.sh made. */
    Path image(String name) {
        return directory.resolve("images").resolve(name);
    }

    static String script(String name) {
        return SCRIPTS.resolve(name).toString();
    }

    /** Packs files into an archive for {@link EmulatedHost}, by their path in the host. */
    Path overlay(String name, Map<String, Path> files) {
        try {
            Path root = Files.createTempDirectory(directory, "overlay");
            Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwxr-xr-x")); // becomes the host's /
            for (Map.Entry<String, Path> file : new TreeMap<>(files).entrySet()) {
                Path target = root.resolve(file.getKey());
                Files.createDirectories(target.getParent());
                Files.copy(file.getValue(), target);
                target.toFile().setExecutable(true, false);
            }
            Path archive = directory.resolve(name + ".cpio.gz");
            run(List.of(
                    "sh",
                    "-c",
                    "cd \"$1\" && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1 >\"$2\" && rm -rf \"$1\"",
                    "pack",
                    root.toString(),
                    archive.toString()));
            return archive;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The second reader, compiled for the hosts. */
    Path reader() {
        Path program = directory.resolve("reader");
        run(List.of(
                "aarch64-linux-gnu-gcc",
                "-O1",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-static",
                "-o",
                program.toString(),
                "src/test/c/reader.c"));
        return program;
    }

    static void run(List<String> command) {
        try {
            int code = new ProcessBuilder(command).inheritIO().start().waitFor();
            if (code != 0) {
                throw new IllegalStateException(command.getFirst() + " ended with " + code);
            }
        } catch (IOException e) {
            throw new IllegalStateException(
                    command.getFirst() + " cannot be run: " + e.getMessage() + " (docs/lab.md lists what to install)",
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }
}
