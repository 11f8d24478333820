package dev.vmabi.lab;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Exclusions;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Minimum;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.cli.VmAbi;
import dev.vmabi.demo.Driver;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * {@code make lab-migrate}: Debian's arm64 QEMU with KVM saves a VM on each emulated host and restores it on each.
 * What happened is held against what {@code vmabi check} predicts and the kernels proved, and written as a matrix.
 * VMs are born as QEMU makes them, and under the pin of two kernels as {@code vmabi export} wrote it; of each birth a
 * guest prints what it reads of its own registers. Arguments: the file for the matrix, and how many hosts (default:
 * all of the list). Exits with 1 on any disagreement.
 */
public final class LabMigrate {

    private static final Vmm EXPORTED_FOR = Vmm.parse("qemu:11.1");

    /** Whose minimum is the pin, for each CPU: the flagship case is a VM that goes from the second to the first. */
    private static final List<String> PINNED_KERNELS = List.of("6.12", "6.18");

    /** A guest that read fewer registers of its ABI than this did not read its ABI. */
    private static final int LEAST_COMPARED = 50;

    /** A VM's birth: by which QEMU, and whether under the exported pin. */
    record Birth(String qemu, boolean pinned) {
        Vmm vmm() {
            return Vmm.parse(qemu.equals("10") ? "qemu:10.0" : "qemu:11.1");
        }

        String name() {
            return "qemu-" + qemu + "," + (pinned ? "pin" : "none");
        }
    }

    static final List<Birth> BIRTHS = List.of(new Birth("10", false), new Birth("11", false), new Birth("11", true));

    private static final Birth OF_UNLIKE_CPUS = new Birth("11", false);

    /** The minimum of {@link #PINNED_KERNELS} on one CPU, and the argument of {@code -cpu} that was exported for it. */
    record Pin(Minimum.Common minimum, String cpu) {}

    /** What restoring one VM on one host came to. */
    record Restore(String from, String to, Birth birth, boolean accepted, String message) {}

    private final LabRounds rounds;
    private final Map<String, HostProfile> profiles;
    private final Map<String, Pin> pins = new TreeMap<>();

    private LabMigrate(LabRounds rounds) throws IOException {
        this.rounds = rounds;
        this.profiles = rounds.probe();
    }

    /** Kernels that fleets run, on two unlike CPUs; the first two are the flagship case. */
    static List<LabHost> hosts() {
        return Stream.of("neoverse-n1", "max")
                .flatMap(cpu -> Stream.of("6.12", "6.18", "6.1", "newest").map(kernel -> new LabHost(kernel, cpu)))
                .toList();
    }

    public static void main(String[] arguments) {
        Driver.run("The migrations could not be run", LabCluster.LIMIT, () -> migrate(arguments));
    }

    private static Void migrate(String[] arguments) throws IOException {
        List<LabHost> hosts = hosts();
        if (arguments.length > 1) {
            hosts = hosts.subList(0, Math.min(hosts.size(), Integer.parseInt(arguments[1])));
        }
        LabCache cache = LabCache.prepared();
        LabRounds rounds = new LabRounds(cache, "migrate", hosts);
        LabMigrate lab = new LabMigrate(rounds);
        lab.export();
        lab.save(cache);
        Map<String, String> releases = new TreeMap<>();
        for (LabHost host : hosts) {
            releases.put(host.name(), answer(rounds, host, "release"));
        }
        List<String> qemus =
                List.of(answer(rounds, hosts.getFirst(), "qemu-10"), answer(rounds, hosts.getFirst(), "qemu-11"));
        List<Restore> restores = lab.restore();
        lab.compare(restores);
        lab.checkFlagship(restores);
        Files.writeString(
                Path.of(arguments[0]),
                new MigrationReport(hosts, lab.profiles, releases, qemus, lab.pins, restores, rounds.faults()).text());
        System.out.printf(
                "%nlab: %d restores of %d ordered pairs, %s; %s%n",
                restores.size(),
                restores.stream().map(r -> r.from() + " " + r.to()).distinct().count(),
                rounds.faults().isEmpty() ? "all as predicted" : rounds.faults().size() + " faults",
                arguments[0]);
        return LabCluster.none(rounds.faults());
    }

    private static String answer(LabRounds rounds, LabHost host, String file) throws IOException {
        return Files.readString(rounds.answer(host).resolve(file)).strip();
    }

    /** For each CPU: the minimum of the pinned kernels, as the command line exports it from the hosts' profiles. */
    private void export() throws IOException {
        for (String cpu : rounds.hosts().stream().map(LabHost::cpu).distinct().toList()) {
            List<LabHost> pool = PINNED_KERNELS.stream()
                    .map(kernel -> new LabHost(kernel, cpu))
                    .filter(rounds.hosts()::contains)
                    .toList();
            Minimum minimum = Minimum.of(
                    pool.stream().map(host -> profiles.get(host.name())).toList(), EXPORTED_FOR, Exclusions.NONE);
            if (!(minimum instanceof Minimum.Common common)) {
                throw new IllegalStateException(
                        "the kernels " + PINNED_KERNELS + " have no minimum on " + cpu + ": " + minimum);
            }
            List<String> command = new ArrayList<>(List.of("export", "--format", "qemu-cpu"));
            pool.forEach(host ->
                    command.add(rounds.answer(host).resolve("profile.json").toString()));
            StringWriter written = new StringWriter();
            int code =
                    VmAbi.commandLine().setOut(new PrintWriter(written, true)).execute(command.toArray(String[]::new));
            String argument = written.toString().strip();
            if (code != 0 || !argument.startsWith("host")) {
                throw new IllegalStateException("vmabi export ended with " + code + ": " + argument);
            }
            pins.put(cpu, new Pin(common, argument));
            System.out.println(cpu + ": -cpu " + argument + " for pin "
                    + common.abi().digest().label());
        }
    }

    private String cpu(LabHost host, Birth birth) {
        return birth.pinned() ? pins.get(host.cpu()).cpu() : "host";
    }

    private Clamp clamp(LabHost host, Birth birth) {
        return birth.pinned() ? pins.get(host.cpu()).minimum().clamp() : Clamp.NONE;
    }

    private void save(LabCache cache) throws IOException {
        // The births of the hosts of one CPU are the same ones.
        Map<String, Path> files = new TreeMap<>();
        files.put("lab/guest", cache.guest());
        Path scratch = rounds.scratch("births");
        for (LabHost host : rounds.hosts()) {
            Path births = scratch.resolve(host.name());
            Files.write(
                    births,
                    BIRTHS.stream()
                            .map(birth -> birth.name() + " " + birth.qemu() + " " + cpu(host, birth))
                            .toList());
            files.put("lab/births/" + host.name(), births);
        }
        rounds.round("run-save", files, "lab: saved");
        for (LabHost host : rounds.hosts()) {
            for (Birth birth : BIRTHS) {
                checkGuest(host, birth);
            }
        }
    }

    /** What the guest read against what the project says a guest of this birth sees, and against the pin. */
    private void checkGuest(LabHost host, Birth birth) throws IOException {
        Path serial = rounds.answer(host).resolve(birth.name() + ".guest");
        if (!Files.exists(serial)) {
            rounds.fault(host.name() + ": no guest of " + birth.name());
            return;
        }
        GuestReading reading = new GuestReading(Files.readAllLines(serial));
        boolean pinned = birth.pinned() && PINNED_KERNELS.contains(host.kernel());
        GuestAbi abi = pinned
                ? pins.get(host.cpu()).minimum().abi()
                : profiles.get(host.name()).birth(clamp(host, birth));
        String what = host.name() + ": guest of " + birth.name();
        int compared = reading.compared(abi);
        if (compared < LEAST_COMPARED) {
            rounds.fault(what + " read only " + compared + " registers of its ABI");
        }
        reading.differences(abi).forEach(difference -> rounds.fault(what + ": " + difference));
        System.out.println(
                what + ": " + compared + " registers read, held against " + (pinned ? "the pin" : "its birth ABI"));
    }

    private List<Restore> restore() throws IOException {
        Path in = rounds.scratch("in");
        Files.createDirectories(in.resolve("guests"));
        for (LabHost host : rounds.hosts()) {
            Path saved = Files.createDirectories(in.resolve(host.name()));
            for (Birth birth : BIRTHS) {
                for (String file : List.of(birth.name() + ".mig", birth.name() + ".cpu")) {
                    Files.copy(rounds.answer(host).resolve(file), saved.resolve(file));
                }
                LabRounds.write(in.resolve("guests"), profiles.get(host.name()).birth(clamp(host, birth)));
            }
        }
        for (LabHost host : rounds.hosts()) {
            Files.write(in.resolve(host.name() + ".list"), tried(host));
        }
        rounds.roundWith(in, "run-restore", "lab: restored");
        List<Restore> restores = new ArrayList<>();
        for (LabHost host : rounds.hosts()) {
            for (String line : rounds.console(host)) {
                if (line.startsWith("result ") && line.contains(" unclear ")) {
                    rounds.fault(host.name() + ": " + line);
                } else if (line.startsWith("result ")) {
                    restores.add(result(host, line.split(" ", 4)));
                }
            }
        }
        return restores;
    }

    /** The VMs that a host restores: of unlike CPUs, which no clamp can help, one birth is enough. */
    private List<String> tried(LabHost to) {
        List<String> files = new ArrayList<>();
        for (LabHost from : rounds.hosts()) {
            for (Birth birth : BIRTHS) {
                if (from.cpu().equals(to.cpu()) || birth.equals(OF_UNLIKE_CPUS)) {
                    files.add(from.name() + "/" + birth.name() + ".mig");
                }
            }
        }
        return files;
    }

    private static Restore result(LabHost to, String[] words) {
        String[] path = words[1].split("/", 2);
        Birth birth = BIRTHS.stream()
                .filter(b -> path[1].equals(b.name() + ".mig"))
                .findFirst()
                .orElseThrow();
        return new Restore(
                path[0], to.name(), birth, words[2].equals("accept"), words.length > 3 ? words[3].strip() : "");
    }

    private LabHost host(String name) {
        return rounds.hosts().stream()
                .filter(host -> host.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    /** What QEMU did against what the algebra says it does and what the kernel said of the values. */
    private void compare(List<Restore> restores) throws IOException {
        int expected =
                rounds.hosts().stream().mapToInt(host -> tried(host).size()).sum();
        if (restores.size() != expected) {
            rounds.fault("only " + restores.size() + " of " + expected + " restores were tried");
        }
        Map<String, Map<String, JsonNode>> proofs = new TreeMap<>();
        for (LabHost host : rounds.hosts()) {
            proofs.put(host.name(), rounds.proofs(host));
        }
        for (Restore restore : restores) {
            HostProfile from = profiles.get(restore.from());
            HostProfile to = profiles.get(restore.to());
            Clamp clamp = clamp(host(restore.from()), restore.birth());
            GuestAbi abi = from.birth(clamp);
            Verdict verdict = to.accepts(abi, restore.birth().vmm(), clamp, from);
            String what = restore.from() + " -> " + restore.to() + " by "
                    + restore.birth().name();
            if (verdict.accepted() != restore.accepted()) {
                rounds.fault(
                        what + ": predicted " + verdict + ", QEMU: " + restore.accepted() + " " + restore.message());
            }
            JsonNode proof = proofs.get(restore.to()).get(abi.digest().hex());
            if (proof == null) {
                rounds.fault(what + ": no proof");
            } else if (proof.path("valuesTaken").asBoolean() != Lab.valuesTaken(to, abi)) {
                rounds.fault(what + ": values proved " + proof + ", computed otherwise");
            } else if (restore.accepted() && !proof.path("valuesTaken").asBoolean()) {
                rounds.fault(what + ": QEMU restored what the kernel refused: " + proof);
            }
        }
    }

    /** Without a pin the newer kernel's VM must be refused by the older one; under the exported pin it must go. */
    private void checkFlagship(List<Restore> restores) {
        for (String cpu : pins.keySet()) {
            String older = new LabHost(PINNED_KERNELS.getFirst(), cpu).name();
            String newer = new LabHost(PINNED_KERNELS.getLast(), cpu).name();
            for (boolean pinned : new boolean[] {false, true}) {
                restores.stream()
                        .filter(r -> r.from().equals(newer) && r.to().equals(older))
                        .filter(r -> r.birth().equals(new Birth("11", pinned)) && r.accepted() != pinned)
                        .forEach(r -> rounds.fault("flagship: " + newer + " -> " + older + " by "
                                + r.birth().name() + ": " + r.accepted() + " " + r.message()));
            }
        }
    }
}
