package dev.vmabi.image;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A package of Debian's archive, pinned.
 *
 * @param architecture as Debian and OCI both call it: {@code amd64}, {@code arm64}
 * @param path below the archive's root
 * @param sha256 of the package file, lower-case hex
 */
record DebianPackage(String architecture, String name, String version, String path, String sha256) {

    static final Path PINS = Path.of("src/main/images/debian.txt");

    private static final Pattern LINE = Pattern.compile("(\\S+) (\\S+) (\\S+) (\\S+) ([0-9a-f]{64})");

    /** @throws IllegalStateException naming the line that is not as {@code pin.sh} writes it */
    static List<DebianPackage> pinned(String architecture) throws IOException {
        return Files.readAllLines(PINS).stream()
                .filter(l -> !l.startsWith("#"))
                .map(DebianPackage::parse)
                .filter(p -> p.architecture.equals(architecture))
                .toList();
    }

    private static DebianPackage parse(String line) {
        Matcher words = LINE.matcher(line);
        if (!words.matches()) {
            throw new IllegalStateException(PINS + ": not ARCHITECTURE NAME VERSION PATH SHA256: " + line);
        }
        return new DebianPackage(words.group(1), words.group(2), words.group(3), words.group(4), words.group(5));
    }

    /** A package URL, by which scanners know it. */
    String purl() {
        return "pkg:deb/debian/" + encoded(name) + "@" + encoded(version) + "?arch=" + architecture
                + "&distro=debian-13";
    }

    private static String encoded(String text) {
        return text.replace("+", "%2B").replace(":", "%3A");
    }
}
