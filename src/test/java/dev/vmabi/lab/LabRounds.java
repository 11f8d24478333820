package dev.vmabi.lab;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.ABIProfileSpec;
import dev.vmabi.api.GuestABISpec;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Boots a set of emulated hosts again and again, two at a time, each time to do one thing and power off. A host gets
 * files in an archive and a disk, and answers by its console and a tar archive on that disk.
 */
final class LabRounds {

    private static final Duration ROUND = Duration.ofMinutes(60);
    private static final int AT_A_TIME = 2;
    private static final String DISK_SIZE = "64M";
    private static final Set<String> WITH_QEMU = Set.of("run-save", "run-restore");
    private static final Pattern COMMAND_LINE_JARS =
            Pattern.compile("(jackson-(core|databind|annotations|dataformat-yaml)|snakeyaml|picocli"
                    + "|kubernetes-client(-api)?|kubernetes-model-(common|core))-\\d.*\\.jar");
    private static final ObjectMapper JSON = new ObjectMapper();

    private final LabCache cache;
    private final List<LabHost> hosts;
    private final Path work;
    private final Map<String, List<String>> consoles = new ConcurrentHashMap<>();
    private final List<String> faults = new ArrayList<>();

    /** @param name of the directory below the cache that these rounds keep their files in */
    LabRounds(LabCache cache, String name, List<LabHost> hosts) throws IOException {
        this.cache = cache;
        this.hosts = List.copyOf(hosts);
        this.work = Files.createDirectories(cache.directory().resolve(name));
    }

    List<LabHost> hosts() {
        return hosts;
    }

    /** Where a host's answer of the last round with an empty disk was unpacked. */
    Path answer(LabHost host) {
        return work.resolve(host.name());
    }

    /** A scratch directory, emptied. */
    Path scratch(String name) throws IOException {
        Path directory = work.resolve(name);
        LabCache.run(List.of("rm", "-rf", directory.toString()));
        return Files.createDirectories(directory);
    }

    /** What is off so far. */
    synchronized List<String> faults() {
        return List.copyOf(faults);
    }

    synchronized void fault(String what) {
        if (!faults.contains(what)) {
            faults.add(what);
        }
    }

    /** Reads the profile of every host, by the project's command line on that host. */
    Map<String, HostProfile> probe() throws IOException {
        round("run-probe", new TreeMap<>(), "lab: probed");
        Map<String, HostProfile> profiles = new TreeMap<>();
        for (LabHost host : hosts) {
            JsonNode profile =
                    JSON.readTree(answer(host).resolve("profile.json").toFile());
            if (!profile.has("spec")) {
                throw new IllegalStateException(host.name() + ": no profile; its log says why");
            }
            profiles.put(
                    host.name(),
                    JSON.treeToValue(profile.get("spec"), ABIProfileSpec.class).toHostProfile());
        }
        return profiles;
    }

    /** Boots every host with an empty disk and unpacks what it answers. */
    void round(String script, Map<String, Path> files, String lastLine) throws IOException {
        for (LabHost host : hosts) {
            Files.deleteIfExists(disk(host));
            LabCache.run(List.of("truncate", "-s", DISK_SIZE, disk(host).toString()));
        }
        boot(script, files, lastLine);
        for (LabHost host : hosts) {
            scratch(host.name());
            LabCache.run(List.of(
                    "tar", "-C", answer(host).toString(), "-xf", disk(host).toString()));
        }
    }

    /** Boots every host with a directory on its disk, as a tar archive. */
    void roundWith(Path directory, String script, String lastLine) throws IOException {
        Path image = work.resolve("disk.img");
        LabCache.run(List.of("tar", "-C", directory.toString(), "-cf", image.toString(), "."));
        LabCache.run(List.of("truncate", "-s", "%512", image.toString()));
        for (LabHost host : hosts) {
            LabCache.run(
                    List.of("cp", "--reflink=auto", image.toString(), disk(host).toString()));
        }
        boot(script, new TreeMap<>(), lastLine);
    }

    /** What a host's console showed in the last round. */
    List<String> console(LabHost host) {
        return consoles.getOrDefault(host.name(), List.of());
    }

    /** What {@code vmabi prove -o json} said on a host in the last round, by the digest of the guest ABI. */
    Map<String, JsonNode> proofs(LabHost host) throws IOException {
        Map<String, JsonNode> proofs = new TreeMap<>();
        for (String line : console(host)) {
            if (line.startsWith("proofs ") && line.contains("[")) {
                JSON.readTree(line.substring("proofs ".length()))
                        .forEach(proof -> proofs.put(proof.path("guestABI").asText(), proof));
            }
        }
        return proofs;
    }

    /** Writes a guest ABI as {@code vmabi prove} reads it. */
    static Path write(Path directory, GuestAbi abi) throws IOException {
        return Files.writeString(
                directory.resolve(abi.digest().hex() + ".json"),
                JSON.writeValueAsString(GuestABISpec.fromGuestAbi(abi)));
    }

    private Path disk(LabHost host) {
        return work.resolve(host.name() + ".img");
    }

    private void boot(String script, Map<String, Path> files, String lastLine) throws IOException {
        Map<String, Path> all = commandLine();
        all.putAll(files);
        all.put("lab/run", Path.of(LabCache.script(script)));
        List<Path> overlays = new ArrayList<>();
        if (WITH_QEMU.contains(script)) {
            overlays.addAll(List.of(cache.image("qemu-10.cpio"), cache.image("qemu-11.cpio")));
        }
        overlays.add(cache.overlay(script, all));
        Semaphore running = new Semaphore(AT_A_TIME);
        List<Thread> threads = new ArrayList<>();
        for (LabHost host : hosts) {
            threads.add(Thread.ofVirtual().start(() -> {
                running.acquireUninterruptibly();
                try {
                    run(host, overlays, lastLine);
                } finally {
                    running.release();
                }
            }));
        }
        for (Thread thread : threads) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void run(LabHost host, List<Path> overlays, String lastLine) {
        String drive = "if=none,id=disk,format=raw,file=" + disk(host);
        List<String> options = List.of("-drive", drive, "-device", "virtio-blk-pci,drive=disk");
        consoles.put(host.name(), List.of());
        try (EmulatedHost running = new EmulatedHost(cache, host, overlays, options)) {
            String last = running.await(lastLine, ROUND);
            running.await("Power down", ROUND);
            consoles.put(host.name(), running.console());
            running.console().stream()
                    .filter(line -> line.startsWith("lab: fault"))
                    .forEach(line -> fault(host.name() + ": " + line));
            System.out.println(host.name() + ": " + last);
        } catch (IllegalStateException e) {
            fault(e.getMessage());
        }
    }

    /** The project's own command line as it was built, and what the hosts' scripts share. */
    private static Map<String, Path> commandLine() throws IOException {
        Map<String, Path> files = new TreeMap<>();
        Path classes = Path.of("target/classes");
        try (Stream<Path> found = Files.walk(classes.resolve("dev/vmabi"))) {
            found.filter(Files::isRegularFile)
                    .forEach(file -> files.put("lab/classes/" + classes.relativize(file), file));
        }
        for (String jar : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
            String name = Path.of(jar).getFileName().toString();
            if (COMMAND_LINE_JARS.matcher(name).matches()) {
                files.put("lab/jars/" + name, Path.of(jar));
            }
        }
        files.put("lab/migrate-common", Path.of(LabCache.script("migrate-common")));
        files.put("lab/qemu", Path.of(LabCache.script("qemu")));
        return files;
    }
}
