package dev.vmabi.abi;

import dev.vmabi.cli.Host;
import dev.vmabi.cli.HostReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The nine recorded hosts and what QEMU did with each migration between them. */
public final class RecordedHosts {

    /** One migration that QEMU was made to do. */
    public record Pair(Vmm vmm, Clamp clamp, String from, String to, boolean accepted, String why) {}

    private static final Map<String, Host> ALL = load();

    public static List<String> names() {
        return List.copyOf(ALL.keySet());
    }

    public static HostProfile profile(String name) {
        return ALL.get(name).profile();
    }

    public static List<HostProfile> profiles() {
        return ALL.values().stream().map(Host::profile).toList();
    }

    public static List<Pair> pairs() {
        List<Pair> pairs = new ArrayList<>();
        for (String line : text("restore-pairs.csv").lines().skip(1).toList()) {
            String[] c = line.split(",", -1);
            pairs.add(new Pair(Vmm.parse(c[0]), Clamp.parse(c[1]), c[2], c[3], c[4].equals("accept"), c[5]));
        }
        return pairs;
    }

    public static String text(String file) {
        try (InputStream in = RecordedHosts.class.getResourceAsStream("/hosts/" + file)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Map<String, Host> load() {
        Map<String, Host> hosts = new TreeMap<>();
        for (String kernel : List.of("6.1", "6.12", "6.18")) {
            for (String cpu : List.of("cortex-a57", "cortex-a76", "max")) {
                String name = "linux-" + kernel + "-" + cpu;
                hosts.put(name, HostReader.parse(name + ".json", text(name + ".json")));
            }
        }
        return hosts;
    }

    private RecordedHosts() {}
}
