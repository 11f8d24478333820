package dev.vmabi.image;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.function.Predicate;
import org.apache.commons.compress.archivers.ar.ArArchiveEntry;
import org.apache.commons.compress.archivers.ar.ArArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.tukaani.xz.XZInputStream;

/** Pinned packages out of Debian's archive, each fetched and unpacked once into a cache. */
final class DebianArchive {

    /** What of the packages goes into an image, or makes what goes into it. */
    private static final Predicate<String> WANTED = Predicate.<String>not(n -> n.endsWith("/"))
            .and(n -> n.matches("control|usr/lib/[^/]*-linux-gnu/[^/]*|usr/lib(64)?/ld-[^/]*"
                    + "|usr/share/doc/[^/]*/copyright|usr/lib/jvm/[^/]*/jmods/[^/]*"));

    private final Path cache;
    private final HttpClient http =
            HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NORMAL).build();

    DebianArchive(Path cache) {
        this.cache = cache;
    }

    /**
     * A directory with the files of a package that an image needs, and its {@code control} file.
     *
     * @throws IllegalStateException if the archive does not have the package, or has another one by its name
     */
    Path unpacked(DebianPackage wanted) throws IOException {
        Path directory = cache.resolve(wanted.sha256());
        if (Files.isDirectory(directory)) {
            return directory;
        }
        Files.createDirectories(cache);
        byte[] file = fetch(wanted);
        Path part = Files.createTempDirectory(cache, "part");
        try (ArArchiveInputStream members = new ArArchiveInputStream(new ByteArrayInputStream(file))) {
            for (ArArchiveEntry member = members.getNextEntry(); member != null; member = members.getNextEntry()) {
                if (member.getName().matches("(control|data)\\.tar\\.xz")) {
                    unpack(new XZInputStream(members), part);
                }
            }
        }
        Files.move(part, directory);
        return directory;
    }

    private byte[] fetch(DebianPackage wanted) throws IOException {
        URI uri = URI.create(root() + wanted.path());
        System.out.println("images: fetching " + uri);
        HttpResponse<byte[]> answer;
        try {
            answer = http.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofByteArray());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
        if (answer.statusCode() != 200) {
            throw new IllegalStateException(uri + " answers " + answer.statusCode() + "; if the archive has a newer "
                    + wanted.name() + ", pin it: src/main/images/pin.sh > " + DebianPackage.PINS);
        }
        String sum = sha256(answer.body());
        if (!sum.equals(wanted.sha256())) {
            throw new IllegalStateException(uri + " has SHA-256 " + sum + ", pinned is " + wanted.sha256());
        }
        return answer.body();
    }

    /** What holds {@code debian/} and {@code debian-security/}: VMABI_DEBIAN, or where this machine's apt has it from. */
    private static String root() throws IOException {
        String given = System.getenv("VMABI_DEBIAN");
        if (given != null && !given.isBlank()) {
            return given.replaceAll("/*$", "/");
        }
        String sources;
        try {
            sources = new String(
                    new ProcessBuilder("apt-get", "indextargets", "--format", "$(REPO_URI)")
                            .start()
                            .getInputStream()
                            .readAllBytes(),
                    StandardCharsets.UTF_8);
        } catch (IOException noApt) {
            sources = "";
        }
        return sources.lines()
                .filter(u -> u.endsWith("/debian/"))
                .map(u -> u.substring(0, u.length() - "debian/".length()))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException(
                        "this machine has no apt source that ends in /debian: set VMABI_DEBIAN to the URI of a mirror"
                                + " that has debian/ and debian-security/"));
    }

    // Not closed: the stream below goes on.
    @SuppressWarnings("resource")
    private static void unpack(InputStream compressed, Path into) throws IOException {
        TarArchiveInputStream files = new TarArchiveInputStream(new BufferedInputStream(compressed));
        for (TarArchiveEntry entry = files.getNextEntry(); entry != null; entry = files.getNextEntry()) {
            String name = entry.getName().replaceFirst("^\\./", "");
            if (WANTED.test(name)) {
                Path target = into.resolve(name);
                Files.createDirectories(target.getParent());
                if (entry.isSymbolicLink()) {
                    Files.createSymbolicLink(target, Path.of(entry.getLinkName()));
                } else {
                    Files.copy(files, target);
                }
            }
        }
    }

    static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
