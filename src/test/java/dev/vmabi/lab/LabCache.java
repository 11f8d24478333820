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
     * <p>Ends the process with 1 where that fails; a script has said why in one line.
     */
    static LabCache prepared() {
        String elsewhere = System.getenv("VMABI_LAB_CACHE");
        Path directory = Path.of(elsewhere == null || elsewhere.isBlank() ? ".cache/lab" : elsewhere);
        for (List<String> command : List.of(
                List.of(script("needs.sh")),
                List.of(script("fetch.sh"), directory.toString()),
                List.of(script("image.sh"), directory.toString()))) {
            if (exitCode(command) != 0) {
                System.exit(1);
            }
        }
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
            Path archive = directory.resolve(name + ".cpio");
            run(List.of(
                    "sh",
                    "-c",
                    "cd \"$1\" && find . | cpio --quiet -o -H newc -R 0:0 >\"$2\" && rm -rf \"$1\"",
                    "pack",
                    root.toString(),
                    archive.toString()));
            return archive;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A program of {@code src/test/c}, compiled for the hosts. */
    Path program(String name) {
        Path program = directory.resolve(name);
        run(List.of(
                "aarch64-linux-gnu-gcc",
                "-O1",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-static",
                "-o",
                program.toString(),
                "src/test/c/" + name + ".c"));
        return program;
    }

    /** The second reader. */
    Path reader() {
        return program("reader");
    }

    /** The guest that prints what it reads of its own registers, for the hosts' VMs. */
    Path guest() {
        Path program = directory.resolve("guest");
        run(List.of(
                "aarch64-linux-gnu-gcc",
                "-O1",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-Wno-main",
                "-ffreestanding",
                "-nostdlib",
                "-static",
                "-no-pie",
                "-fno-pie",
                "-mgeneral-regs-only",
                "-mstrict-align",
                "-Wl,-Ttext=0x40200000,--build-id=none",
                "-o",
                program.toString(),
                "src/test/c/guest.c"));
        return program;
    }

    static void run(List<String> command) {
        int code = exitCode(command);
        if (code != 0) {
            throw new IllegalStateException(command.getFirst() + " ended with " + code);
        }
    }

    private static int exitCode(List<String> command) {
        try {
            ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
            builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
            return builder.start().waitFor();
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
