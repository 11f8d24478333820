package dev.vmabi.lab;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Exclusions;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Minimum;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.ABIProfileSpec;
import dev.vmabi.api.GuestABISpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * {@code make lab-migrate}: Debian's arm64 QEMU with KVM saves a VM on each emulated host and restores it on each.
 * What happened is held against what {@code abi} predicts and the kernels proved, and written as a matrix. Arguments:
 * the file for the matrix, and how many hosts (default: all of the list). Exits with 1 on any disagreement.
 */
public final class LabMigrate {

    private static final Duration PHASE = Duration.ofMinutes(60);
    private static final ObjectMapper JSON = new ObjectMapper();

    /** A VM's birth: by which QEMU, under which clamp. */
    record Birth(String qemu, Clamp clamp) {
        Vmm vmm() {
            return Vmm.parse(qemu.equals("10") ? "qemu:10.0" : "qemu:11.1");
        }

        String file() {
            return "qemu-" + qemu + "," + (clamp.isNone() ? "none" : clamp) + ".mig";
        }
    }

    static final List<Birth> BIRTHS =
            List.of(new Birth("10", Clamp.NONE), new Birth("11", Clamp.NONE), new Birth("11", Clamp.parse("psci=1.1")));

    /** What restoring one VM on one host came to. */
    record Restore(String from, String to, Birth birth, boolean accepted, String message) {}

    private final LabCache cache;
    private final List<LabHost> kinds;
    private final Path work;
    private final Map<String, HostProfile> profiles = new LinkedHashMap<>();
    private final Map<String, String> releases = new LinkedHashMap<>();
    private final Map<String, List<String>> consoles = new ConcurrentHashMap<>();
    private final List<String> faults = new ArrayList<>();

    private LabMigrate(LabCache cache, List<LabHost> kinds) throws IOException {
        this.cache = cache;
        this.kinds = kinds;
        this.work = Files.createDirectories(cache.directory().resolve("migrate"));
    }

    /** Kernels that fleets run, on CPUs that differ in one generation and in everything. */
    static List<LabHost> hosts() {
        return Stream.of("6.1", "6.12", "6.18", "newest")
                .flatMap(kernel -> Stream.of("neoverse-n1", "max").map(cpu -> new LabHost(kernel, cpu)))
                .toList();
    }

    public static void main(String[] arguments) throws IOException {
        List<LabHost> kinds = hosts();
        if (arguments.length > 1) {
            kinds = kinds.subList(0, Math.min(kinds.size(), Integer.parseInt(arguments[1])));
        }
        LabMigrate lab = new LabMigrate(LabCache.prepared(), kinds);
        lab.save();
        List<Restore> restores = lab.restore();
        lab.compare(restores);
        Files.writeString(
                Path.of(arguments[0]),
                new MigrationReport(lab.kinds, lab.profiles, lab.releases, restores).text(lab.pinLines()));
        System.out.printf(
                "%nlab: %d restores of %d ordered pairs, %s; %s%n",
                restores.size(),
                restores.stream().map(r -> r.from() + " " + r.to()).distinct().count(),
                lab.faults.isEmpty() ? "all as predicted" : lab.faults.size() + " faults",
                arguments[0]);
        lab.faults.forEach(fault -> System.out.println("  " + fault));
        System.exit(lab.faults.isEmpty() ? 0 : 1);
    }

    private void save() throws IOException {
        Map<String, Path> files = commandLine();
        files.put("lab/run", Path.of(LabCache.script("run-save")));
        Path births = work.resolve("births");
        Files.write(
                births,
                BIRTHS.stream()
                        .map(b -> b.qemu() + " " + (b.clamp().isNone() ? "none" : b.clamp()))
                        .toList());
        files.put("lab/births", births);
        Path overlay = cache.overlay("save", files);
        for (LabHost kind : kinds) {
            Path disk = disk(kind);
            Files.deleteIfExists(disk);
            LabCache.run(List.of("truncate", "-s", "64M", disk.toString()));
        }
        forEachHost(overlay, "lab: saved");
        for (LabHost kind : kinds) {
            Path saved = work.resolve(kind.name());
            LabCache.run(List.of("rm", "-rf", saved.toString()));
            Files.createDirectories(saved);
            LabCache.run(
                    List.of("tar", "-C", saved.toString(), "-xf", disk(kind).toString()));
            profiles.put(
                    kind.name(),
                    JSON.treeToValue(
                                    JSON.readTree(saved.resolve("profile.json").toFile())
                                            .get("spec"),
                                    ABIProfileSpec.class)
                            .toHostProfile());
            releases.put(kind.name(), Files.readString(saved.resolve("release")).strip());
        }
    }

    private List<Restore> restore() throws IOException {
        Path in = work.resolve("in");
        LabCache.run(List.of("rm", "-rf", in.toString()));
        Files.createDirectories(in.resolve("guests"));
        Files.createDirectories(in.resolve("pins"));
        for (LabHost kind : kinds) {
            Files.createDirectories(in.resolve(kind.name()));
            for (Birth birth : BIRTHS) {
                Path saved = work.resolve(kind.name()).resolve(birth.file());
                if (Files.exists(saved)) {
                    Files.copy(saved, in.resolve(kind.name()).resolve(birth.file()));
                } else {
                    fault(kind.name() + ": no " + birth.file());
                }
                write(in.resolve("guests"), profiles.get(kind.name()).birth(birth.clamp()));
            }
        }
        for (Pin pin : pins()) {
            if (pin.minimum() instanceof Minimum.Common common) {
                write(in.resolve("pins"), common.abi());
            }
        }
        Path image = work.resolve("in.img");
        LabCache.run(List.of("tar", "-C", in.toString(), "-cf", image.toString(), "."));
        LabCache.run(List.of("truncate", "-s", "%512", image.toString()));
        for (LabHost kind : kinds) {
            Files.deleteIfExists(disk(kind));
            LabCache.run(
                    List.of("cp", "--reflink=auto", image.toString(), disk(kind).toString()));
        }
        Map<String, Path> files = commandLine();
        files.put("lab/run", Path.of(LabCache.script("run-restore")));
        forEachHost(cache.overlay("restore", files), "lab: restored");
        List<Restore> restores = new ArrayList<>();
        for (LabHost kind : kinds) {
            for (String line : consoles.get(kind.name())) {
                if (line.startsWith("result ") && line.contains(" unclear ")) {
                    fault(kind.name() + ": " + line);
                } else if (line.startsWith("result ")) {
                    restores.add(result(kind, line.split(" ", 4)));
                }
            }
        }
        return restores;
    }

    private static Restore result(LabHost to, String[] words) {
        String[] path = words[1].split("/", 2);
        Birth birth = BIRTHS.stream()
                .filter(b -> b.file().equals(path[1]))
                .findFirst()
                .orElseThrow();
        return new Restore(
                path[0], to.name(), birth, words[2].equals("accept"), words.length > 3 ? words[3].strip() : "");
    }

    /** What QEMU did against what the algebra says it does and what the kernel said of the values. */
    private void compare(List<Restore> restores) throws IOException {
        if (restores.size() != kinds.size() * kinds.size() * BIRTHS.size()) {
            fault("only " + restores.size() + " restores were tried");
        }
        Map<String, Map<String, JsonNode>> proofs = new TreeMap<>();
        for (LabHost kind : kinds) {
            proofs.put(kind.name(), proofs(kind, "proofs "));
        }
        for (Restore restore : restores) {
            HostProfile from = profiles.get(restore.from());
            HostProfile to = profiles.get(restore.to());
            Birth birth = restore.birth();
            GuestAbi abi = from.birth(birth.clamp());
            Verdict verdict = to.accepts(abi, birth.vmm(), birth.clamp(), from);
            String what = restore.from() + " -> " + restore.to() + " by " + birth.file();
            if (verdict.accepted() != restore.accepted()) {
                fault(what + ": predicted " + verdict + ", QEMU: " + restore.accepted() + " " + restore.message());
            }
            JsonNode proof = proofs.get(restore.to()).get(abi.digest().hex());
            if (proof == null) {
                fault(what + ": no proof");
            } else if (proof.path("valuesTaken").asBoolean() != Lab.valuesTaken(to, abi)) {
                fault(what + ": values proved " + proof + ", computed otherwise");
            } else if (restore.accepted() && !proof.path("valuesTaken").asBoolean()) {
                fault(what + ": QEMU restored what the kernel refused: " + proof);
            }
        }
    }

    /** A pair of unlike CPUs on the newest kernel, and the most they have in common. */
    record Pin(String one, String other, Vmm vmm, Exclusions exclusions, Minimum minimum) {}

    private List<Pin> pins() {
        List<LabHost> newest =
                kinds.stream().filter(kind -> kind.kernel().equals("newest")).toList();
        List<Pin> pins = new ArrayList<>();
        for (LabHost one : newest) {
            for (LabHost other : newest) {
                if (one.name().compareTo(other.name()) < 0) {
                    for (Vmm vmm : List.of(Vmm.parse("qemu:11.1"), Vmm.GENERIC)) {
                        for (Exclusions exclusions :
                                List.of(Exclusions.NONE, new Exclusions(java.util.Set.of("FEAT_SVE", "FEAT_PAuth")))) {
                            List<HostProfile> pair = List.of(profiles.get(one.name()), profiles.get(other.name()));
                            pins.add(new Pin(
                                    one.name(), other.name(), vmm, exclusions, Minimum.of(pair, vmm, exclusions)));
                        }
                    }
                }
            }
        }
        return pins;
    }

    /** One line for each pin: proved by both hosts, or what forbids it. */
    private List<String> pinLines() throws IOException {
        Map<String, Map<String, JsonNode>> proofs = new TreeMap<>();
        for (LabHost kind : kinds) {
            proofs.put(kind.name(), proofs(kind, "pin-proofs "));
        }
        List<String> lines = new ArrayList<>();
        for (Pin pin : pins()) {
            String implementationId = pin.vmm().equals(Vmm.GENERIC) ? "yes" : "no";
            String features = pin.exclusions().features().isEmpty() ? "on" : "off";
            String outcome = switch (pin.minimum()) {
                case Minimum.Common common -> {
                    boolean proved = Stream.of(pin.one(), pin.other())
                            .allMatch(host -> proofs.get(host)
                                    .getOrDefault(common.abi().digest().hex(), JSON.createObjectNode())
                                    .path("accepted")
                                    .asBoolean());
                    if (!proved) {
                        fault(pin.one() + " and " + pin.other() + ": the common pin "
                                + common.abi().digest() + " is not proved by both");
                    }
                    yield "`" + common.abi().digest().label() + "`, proved by both, "
                            + common.abi().features().size() + " features";
                }
                case Minimum.None none ->
                    "none: "
                            + String.join(
                                    "; ",
                                    none.reasons().stream()
                                            .limit(4)
                                            .map(r -> r.message())
                                            .toList())
                            + (none.reasons().size() > 4
                                    ? "; and " + (none.reasons().size() - 4) + " more"
                                    : "");
            };
            lines.add("| " + pin.one() + " | " + pin.other() + " | " + implementationId + " | " + features + " | "
                    + outcome + " |");
        }
        return lines;
    }

    private Map<String, JsonNode> proofs(LabHost kind, String prefix) throws IOException {
        Map<String, JsonNode> proofs = new TreeMap<>();
        for (String line : consoles.getOrDefault(kind.name(), List.of())) {
            if (line.startsWith(prefix) && line.contains("[")) {
                JSON.readTree(line.substring(prefix.length()))
                        .forEach(proof -> proofs.put(proof.path("guestABI").asText(), proof));
            }
        }
        return proofs;
    }

    private Map<String, Path> commandLine() throws IOException {
        Map<String, Path> files = new TreeMap<>();
        Path classes = Path.of("target/classes");
        try (Stream<Path> found = Files.walk(classes.resolve("dev/vmabi"))) {
            found.filter(Files::isRegularFile)
                    .forEach(file -> files.put("lab/classes/" + classes.relativize(file), file));
        }
        for (String jar : System.getProperty("java.class.path").split(java.io.File.pathSeparator, -1)) {
            String name = Path.of(jar).getFileName().toString();
            if (name.matches("(jackson-(core|databind|annotations|dataformat-yaml)|snakeyaml|picocli)-\\d.*\\.jar")) {
                files.put("lab/jars/" + name, Path.of(jar));
            }
        }
        files.put("lab/migrate-common", Path.of(LabCache.script("migrate-common")));
        return files;
    }

    private Path disk(LabHost kind) {
        return work.resolve(kind.name() + ".img");
    }

    /** Boots every host, two at a time, and waits until each has shown a line and powered off. */
    private void forEachHost(Path overlay, String lastLine) {
        List<Path> overlays = List.of(cache.image("qemu-10.cpio.gz"), cache.image("qemu-11.cpio.gz"), overlay);
        Semaphore running = new Semaphore(2);
        List<Thread> threads = new ArrayList<>();
        for (LabHost kind : kinds) {
            threads.add(Thread.ofVirtual().start(() -> {
                running.acquireUninterruptibly();
                String drive = "if=none,id=disk,format=raw,file=" + disk(kind);
                try (EmulatedHost host = new EmulatedHost(
                        cache, kind, overlays, List.of("-drive", drive, "-device", "virtio-blk-pci,drive=disk"))) {
                    host.await(lastLine, PHASE);
                    host.await("Power down", PHASE);
                    consoles.put(kind.name(), host.console());
                    host.console().stream()
                            .filter(line -> line.startsWith("lab: fault"))
                            .forEach(line -> fault(kind.name() + ": " + line));
                    System.out.println(kind.name() + ": " + lastLine);
                } catch (IllegalStateException e) {
                    consoles.put(kind.name(), List.of());
                    fault(e.getMessage());
                } finally {
                    running.release();
                }
            }));
        }
        Consumer<Thread> join = thread -> {
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        };
        threads.forEach(join);
    }

    private static void write(Path directory, GuestAbi abi) throws IOException {
        Files.writeString(
                directory.resolve(abi.digest().hex() + ".json"),
                JSON.writeValueAsString(GuestABISpec.fromGuestAbi(abi)));
    }

    private synchronized void fault(String what) {
        if (!faults.contains(what)) {
            faults.add(what);
        }
    }
}
