package dev.vmabi.lab;

import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Refusal;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.demo.Driver;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;

/**
 * {@code make lab}: boots emulated arm64 hosts with the real agent, all reporting to one API server, and checks what
 * they report. Its argument is how many hosts; without one all of them, and hosts whose KVM is of no use. Exits with 1
 * if anything is off.
 */
public final class Lab {

    /** Hosts whose KVM is of no use, and what their agent must report; {@code vmabi.} words are for its script. */
    private static final Map<LabHost, NodeABISpec.KvmState> WITHOUT_KVM = new LinkedHashMap<>(Map.of(
            new LabHost("6.12", "neoverse-n1", "kvm-arm.mode=none"), NodeABISpec.KvmState.Disabled,
            new LabHost("6.12", "neoverse-n1", "kvm-arm.mode=protected"), NodeABISpec.KvmState.Protected,
            new LabHost("6.12", "neoverse-n1", "vmabi.device=forbidden"), NodeABISpec.KvmState.NoPermission,
            new LabHost("6.12", "neoverse-n1", "vmabi.device=absent"), NodeABISpec.KvmState.NoDevice));

    private final LabCluster cluster;
    private final LabCache cache;
    private final NavigableMap<String, EmulatedHost> hosts = new TreeMap<>();
    private final List<String> faults = new ArrayList<>();

    private Lab(LabCluster cluster, LabCache cache) {
        this.cluster = cluster;
        this.cache = cache;
    }

    public static void main(String[] arguments) {
        Driver.run("The lab could not be run", LabCluster.LIMIT, () -> check(arguments));
    }

    private static Void check(String[] arguments) throws IOException {
        Instant started = Instant.now();
        List<LabHost> kinds = LabHost.all();
        boolean all = arguments.length == 0;
        if (!all) {
            kinds = kinds.subList(0, Math.min(kinds.size(), Integer.parseInt(arguments[0])));
        }
        LabCache cache = LabCache.prepared();
        List<String> faults;
        try (LabCluster cluster = new LabCluster()) {
            Lab lab = new Lab(cluster, cache);
            try {
                lab.run(kinds, all);
            } catch (IllegalStateException e) {
                lab.fault(e.getMessage());
            } finally {
                lab.hosts.values().forEach(EmulatedHost::close);
            }
            faults = lab.faults;
        }
        System.out.printf(
                "%nlab: %d hosts, %d s, %s%n",
                kinds.size() + (all ? WITHOUT_KVM.size() : 0),
                Duration.between(started, Instant.now()).toSeconds(),
                faults.isEmpty() ? "nothing is off" : faults.size() + " faults");
        return LabCluster.none(faults);
    }

    private void run(List<LabHost> kinds, boolean withoutKvm) throws IOException {
        Path overlay = cluster.agentOverlay(cache);
        if (withoutKvm) {
            boot(overlay, List.copyOf(WITHOUT_KVM.keySet()), this::checkState);
        }
        Map<String, HostProfile> profiles = new LinkedHashMap<>();
        boot(overlay, kinds, host -> {});
        for (LabHost kind : kinds) {
            profiles.put(kind.name(), checkReport(kind));
        }
        Map<String, GuestAbi> guests = LabGuests.of(profiles.values());
        guests.values().forEach(cluster::propose);
        checkProofs(profiles, guests);
        print(profiles);
        cluster.withdrawProposals();
        faults.addAll(new LabPolicies(cluster).decide(kinds, profiles));
    }

    /**
     * Boots hosts, two at a time: each takes a whole CPU until its agent has published.
     *
     * @param published is told of each host that has
     */
    private void boot(Path overlay, List<LabHost> kinds, Consumer<EmulatedHost> published) {
        Semaphore booting = new Semaphore(2);
        List<Thread> threads = new ArrayList<>();
        for (LabHost kind : kinds) {
            booting.acquireUninterruptibly();
            EmulatedHost host = cluster.boot(cache, overlay, kind);
            hosts.put(kind.name(), host);
            threads.add(Thread.ofVirtual().start(() -> {
                try {
                    String release = cluster.awaitReport(host);
                    System.out.println("lab: " + kind.name() + " (" + release + ") has published");
                    published.accept(host);
                } catch (IllegalStateException e) {
                    fault(e.getMessage());
                } finally {
                    booting.release();
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
        if (!faults.isEmpty()) {
            throw new IllegalStateException("not every host reports");
        }
    }

    /** A host without usable KVM says why in its report and in one line of its log, and its agent goes on running. */
    private void checkState(EmulatedHost host) {
        String name = host.kind().name();
        NodeABISpec report = cluster.report(name).orElseThrow();
        NodeABISpec.KvmState expected = WITHOUT_KVM.get(host.kind());
        check(report.kvm().state() == expected, name + ": reports " + report.kvm() + ", not " + expected);
        long lines = host.console().stream()
                .filter(l -> l.contains("kvm=" + expected))
                .count();
        check(lines == 1, name + ": says kvm=" + expected + " in " + lines + " lines of its log");
        check(host.isRunning(), name + ": its agent ended");
        System.out.println(
                "lab: " + name + ": " + expected + ": " + report.kvm().message());
        host.close();
    }

    /** The report against what a second reader saw on the same host. */
    private HostProfile checkReport(LabHost kind) {
        NodeABISpec report = cluster.report(kind.name()).orElseThrow();
        HostProfile profile = cluster.profile(report.profile()).orElseThrow();
        check(profile.digest().hex().equals(report.profile()), kind.name() + ": the profile is not what its name says");
        SecondReading reading = new SecondReading(hosts.get(kind.name()).console());
        List<String> differences = reading.differences(profile);
        differences.forEach(difference -> fault(kind.name() + ": " + difference));
        System.out.printf(
                "lab: %s: a second reading of vCPUs with %s: %s%n",
                kind.name(),
                String.join("; ", reading.vcpus()),
                differences.isEmpty() ? "as published" : differences.size() + " differences");
        return profile;
    }

    /** Every proof against what {@code abi} says of the same host and guest ABI. */
    private void checkProofs(Map<String, HostProfile> profiles, Map<String, GuestAbi> guests) {
        int proofs = 0;
        int accepted = 0;
        for (Map.Entry<String, HostProfile> host : profiles.entrySet()) {
            List<NodeABISpec.Proof> found = LabCluster.await(
                    host.getKey() + " to prove " + guests.size() + " guest ABIs",
                    () -> cluster.report(host.getKey())
                            .map(NodeABISpec::proofs)
                            .filter(list -> list.size() == guests.size()));
            for (NodeABISpec.Proof proof : found) {
                boolean expected = valuesTaken(host.getValue(), guests.get(proof.guestABI()));
                check(
                        expected == proof.accepted(),
                        host.getKey() + " and guest ABI " + proof.guestABI().substring(0, 16) + ": computed " + expected
                                + ", proved " + proof.accepted() + " " + proof.refused());
                proofs++;
                accepted += proof.accepted() ? 1 : 0;
            }
        }
        System.out.printf(
                "lab: %d guest ABIs proved on %d hosts: %d proofs, %d accepted, %d refused%n",
                guests.size(), profiles.size(), proofs, accepted, proofs - accepted);
    }

    /**
     * What the algebra expects a proof to say: that every value is taken and reads as written, whatever the kernel does
     * not list. A host that accepts may still read otherwise: PMCR_EL0.N above its own is lowered without a word.
     */
    static boolean valuesTaken(HostProfile host, GuestAbi abi) {
        if (host.accepts(abi, Vmm.GENERIC) instanceof Verdict.Refused refused) {
            return refused.refusals().stream()
                    .allMatch(r -> r instanceof Refusal.RegisterMissing || r instanceof Refusal.RegisterList);
        }
        return host.land(abi, Vmm.GENERIC).registers().entrySet().stream()
                .allMatch(landed -> abi.registers()
                        .getOrDefault(landed.getKey(), landed.getValue())
                        .equals(landed.getValue()));
    }

    private void print(Map<String, HostProfile> profiles) {
        System.out.printf(
                "%n%-26s %-28s %-16s %-16s %-9s %s%n", "NODE", "KERNEL", "PROFILE", "GUEST ABI", "REGISTERS", "PROOFS");
        profiles.forEach((name, profile) -> {
            NodeABISpec report = cluster.report(name).orElseThrow();
            long accepted =
                    report.proofs().stream().filter(NodeABISpec.Proof::accepted).count();
            System.out.printf(
                    "%-26s %-28s %-16s %-16s %-9d %d of %d accepted%n",
                    name,
                    report.kernelRelease(),
                    profile.digest().label(),
                    profile.defaultGuestAbi().digest().label(),
                    profile.defaultGuestAbi().registerIds().size(),
                    accepted,
                    report.proofs().size());
        });
    }

    private void check(boolean good, String otherwise) {
        if (!good) {
            fault(otherwise);
        }
    }

    private synchronized void fault(String what) {
        faults.add(what);
    }
}
