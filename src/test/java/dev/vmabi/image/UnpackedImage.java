package dev.vmabi.image;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmabi.devserver.DevServer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.StreamSupport;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;

/**
 * An image as a container runtime would unpack and run it: its layers over one another as a root file system that nothing
 * can write, its user, entry point and environment, and no capabilities. Cgroups and seccomp are missing. Needs root.
 */
public final class UnpackedImage {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String SECRETS = "var/run/secrets/kubernetes.io/serviceaccount";
    private static final String RUN = """
            root=$1 secrets=$2 user=$3
            shift 3
            mount --bind "$root" "$root"
            mount -t proc proc "$root/proc"
            mount --rbind /dev "$root/dev"
            mount -t tmpfs -o mode=1777,size=64m tmp "$root/tmp"
            mount --bind "$secrets" "$root/%1$s"
            mount -o remount,bind,ro "$root"
            exec env -i "$@"
            """.formatted(SECRETS);

    private final Path root;
    private final JsonNode config;

    /** Unpacks a tarball into a directory, which is emptied before. */
    public UnpackedImage(Path tarball, Path root) throws IOException {
        this.root = root.toAbsolutePath();
        if (Files.exists(root)) {
            DevServer.deleteRecursively(root);
        }
        Map<String, byte[]> files = read(tarball);
        JsonNode index = JSON.readTree(files.get("index.json"));
        JsonNode manifest = JSON.readTree(blob(files, index.at("/manifests/0")));
        config = JSON.readTree(blob(files, manifest.path("config"))).path("config");
        for (JsonNode layer : manifest.path("layers")) {
            unpack(blob(files, layer));
        }
        for (String made : List.of("proc", "dev", "tmp", SECRETS)) {
            Files.createDirectories(root.resolve(made));
        }
    }

    /** Labels, user and what else the image says of itself. */
    JsonNode config() {
        return config;
    }

    /** The size of what was unpacked, in bytes. */
    long size() throws IOException {
        try (var files = Files.walk(root)) {
            return files.filter(Files::isRegularFile)
                    .mapToLong(f -> f.toFile().length())
                    .sum();
        }
    }

    /** The directory that it was unpacked into. */
    public Path root() {
        return root;
    }

    /** The command that the image runs. */
    public List<String> entryPoint() {
        return words(config.path("Entrypoint"));
    }

    /** The variables that the image sets, as {@code NAME=VALUE}. */
    public List<String> environment() {
        return words(config.path("Env"));
    }

    /** A command in it, with more environment; {@code secrets} is mounted where a pod has its service account. */
    ProcessBuilder command(Map<String, String> environment, Path secrets, List<String> command) {
        String user = config.path("User").asText();
        List<String> all = new ArrayList<>(List.of("unshare", "--mount", "--propagation", "private", "sh", "-ec", RUN));
        all.addAll(List.of("run", root.toString(), secrets.toAbsolutePath().toString(), user));
        all.addAll(environment());
        environment.forEach((name, value) -> all.add(name + "=" + value));
        all.addAll(List.of("/usr/sbin/chroot", "--userspec=" + user, root.toString()));
        all.addAll(command);
        return new ProcessBuilder(all).redirectErrorStream(true);
    }

    private static List<String> words(JsonNode list) {
        return StreamSupport.stream(list.spliterator(), false)
                .map(JsonNode::asText)
                .toList();
    }

    private static byte[] blob(Map<String, byte[]> files, JsonNode descriptor) {
        String digest = descriptor.path("digest").asText();
        byte[] blob = files.get("blobs/" + digest.replace(':', '/'));
        if (blob == null || !digest.equals("sha256:" + DebianArchive.sha256(blob))) {
            throw new IllegalStateException("no blob, or another one, for " + digest);
        }
        return blob;
    }

    private static Map<String, byte[]> read(Path tarball) throws IOException {
        Map<String, byte[]> files = new TreeMap<>();
        try (TarArchiveInputStream tar = new TarArchiveInputStream(Files.newInputStream(tarball))) {
            for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                files.put(entry.getName(), tar.readAllBytes());
            }
        }
        return files;
    }

    private void unpack(byte[] layer) throws IOException {
        try (InputStream gzip = new GZIPInputStream(new ByteArrayInputStream(layer));
                TarArchiveInputStream tar = new TarArchiveInputStream(gzip)) {
            for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                Path target = root.resolve(entry.getName());
                if (entry.isDirectory()) {
                    Files.createDirectories(target);
                } else {
                    Files.createDirectories(target.getParent());
                    Files.copy(tar, target);
                    target.toFile().setExecutable((entry.getMode() & 0111) != 0, false);
                }
            }
        }
    }
}
