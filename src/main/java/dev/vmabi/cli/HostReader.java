package dev.vmabi.cli;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.Version;
import dev.vmabi.api.ABIProfileSpec;
import dev.vmabi.api.GuestABISpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Reads hosts from files: profiles (JSON or YAML), recorded dumps and Firecracker fingerprints, told by content. */
public final class HostReader {

    /** Greater than any real file by an order of magnitude. */
    static final int MAX_BYTES = 2 * 1024 * 1024;

    private static final Pattern RELEASE = Pattern.compile("\\d{1,3}\\.\\d{1,4}");

    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .build();

    private static final ObjectMapper YAML = YAMLMapper.builder()
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .build();

    /** Reads the files, and the {@code .json} and {@code .yaml} files of the directories, in order of their names. */
    public static List<Host> readAll(List<Path> paths) {
        List<Host> hosts = new ArrayList<>();
        for (Path path : paths) {
            if (Files.isDirectory(path)) {
                for (Path file : filesOf(path)) {
                    hosts.add(read(file));
                }
            } else {
                hosts.add(read(path));
            }
        }
        if (hosts.isEmpty()) {
            throw new InputException("no hosts: name files or a directory with .json or .yaml files");
        }
        return hosts;
    }

    /** Reads one file. */
    public static Host read(Path file) {
        return parse(file.toString(), text(file));
    }

    /** Reads a guest ABI: one that was stored as such, or what a host shows a guest by default. */
    public static GuestAbi readGuestAbi(Path file) {
        String text = text(file);
        JsonNode root = tree(file.toString(), text);
        JsonNode spec = root.has("spec") ? root.get("spec") : root;
        if (!spec.has("registers") || !spec.has("vcpuFeatures")) {
            return parse(file.toString(), text).profile().defaultGuestAbi();
        }
        try {
            return JSON.treeToValue(spec, GuestABISpec.class).toGuestAbi();
        } catch (JacksonException e) {
            throw new InputException(file + ": " + firstLine(e), e);
        } catch (IllegalArgumentException e) {
            throw new InputException(file + ": " + e.getMessage(), e);
        }
    }

    private static String text(Path file) {
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw new InputException(file + ": is larger than " + MAX_BYTES / 1024 / 1024
                        + " MiB, which no profile is; check that it is the right file");
            }
            return Files.readString(file, StandardCharsets.UTF_8);
        } catch (NoSuchFileException e) {
            throw new InputException(file + ": no such file", e);
        } catch (IOException e) {
            throw new InputException(file + ": cannot be read as UTF-8 text: " + e.getMessage(), e);
        }
    }

    /** Reads a host from text; {@code file} is named in messages. */
    public static Host parse(String file, String text) {
        JsonNode root = tree(file, text);
        try {
            if (root.has("guest_cpu_config")) {
                return FingerprintReader.read(baseName(file), root);
            }
            JsonNode spec = root.has("spec") ? root.get("spec") : root;
            if (spec.has("guestAbi")) {
                ABIProfileSpec profile = JSON.treeToValue(spec, ABIProfileSpec.class);
                return new Host(baseName(file), "", "profile", profile.toHostProfile());
            }
            if (root.has("registers")) {
                return DumpReader.read(root, baseName(file));
            }
        } catch (JacksonException e) {
            throw new InputException(file + ": " + firstLine(e), e);
        } catch (IllegalArgumentException e) {
            throw new InputException(file + ": " + e.getMessage(), e);
        }
        throw new InputException(file + ": is neither a profile (key guestAbi), a recorded dump (key registers) nor a"
                + " Firecracker fingerprint (key guest_cpu_config)");
    }

    /** Major and minor of a kernel release such as {@code 6.12.107+deb13-cloud-arm64}. */
    static Optional<Version> kernel(String release) {
        Matcher m = RELEASE.matcher(release);
        return m.lookingAt() ? Optional.of(Version.parse(m.group())) : Optional.empty();
    }

    private static JsonNode tree(String file, String text) {
        if (text.isBlank()) {
            throw new InputException(file + ": is empty");
        }
        boolean json = text.stripLeading().startsWith("{");
        try {
            JsonNode root = (json ? JSON : YAML).readTree(text);
            if (root == null || !root.isObject()) {
                throw new InputException(file + ": must be a JSON or YAML object");
            }
            return root;
        } catch (JacksonException e) {
            String where = e.getLocation() == null
                    ? ""
                    : " at line " + e.getLocation().getLineNr() + ", column "
                            + e.getLocation().getColumnNr();
            throw new InputException(
                    file + ": is not " + (json ? "sound JSON" : "JSON or YAML") + where + ": " + firstLine(e), e);
        }
    }

    private static String firstLine(JacksonException e) {
        String message = e.getOriginalMessage() == null ? "unreadable" : e.getOriginalMessage();
        String line = message.lines().findFirst().orElse("unreadable");
        return line.length() <= 160 ? line : line.substring(0, 160) + "...";
    }

    private static List<Path> filesOf(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(file -> file.toString().matches(".*\\.(json|ya?ml)"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new InputException(directory + ": cannot be listed: " + e.getMessage(), e);
        }
    }

    private static String baseName(String file) {
        String name = file.substring(Math.max(file.lastIndexOf('/'), file.lastIndexOf('\\')) + 1);
        return name.replaceFirst("\\.(json|ya?ml)$", "");
    }

    private HostReader() {}
}
