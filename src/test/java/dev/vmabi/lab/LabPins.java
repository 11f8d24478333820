package dev.vmabi.lab;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmabi.abi.Exclusions;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Minimum;
import dev.vmabi.abi.Refusal;
import dev.vmabi.abi.Vmm;
import dev.vmabi.demo.Driver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * {@code make lab-pins}: for every two unlike CPUs on the newest kernel, the most that they have in common, proved by
 * both hosts, or the registers and fields that forbid it; with and without writable implementation ID, with SVE and
 * pointer authentication on and off. Argument: the file for the table. Exits with 1 if a host does not prove a pin that
 * was computed.
 */
public final class LabPins {

    private static final List<String> CPUS = List.of(
            "cortex-a35", "cortex-a53", "cortex-a57", "cortex-a72", "cortex-a76", "a64fx", "neoverse-n1", "max");
    private static final Exclusions SVE_AND_PAUTH = new Exclusions(Set.of("FEAT_SVE", "FEAT_PAuth"));
    private static final int MOST_REASONS = 4;

    /** The most that two hosts have in common under one VMM's rules. */
    private record Trial(LabHost one, LabHost other, Vmm vmm, Exclusions exclusions, Minimum minimum) {}

    private final LabRounds rounds;
    private final List<Trial> trials = new ArrayList<>();
    private final Map<String, Map<String, JsonNode>> proofs = new TreeMap<>();

    private LabPins(LabRounds rounds) {
        this.rounds = rounds;
    }

    public static void main(String[] arguments) {
        Driver.run("The pins could not be compared", LabCluster.LIMIT, () -> compare(arguments));
    }

    private static Void compare(String[] arguments) throws IOException {
        List<LabHost> hosts =
                CPUS.stream().map(cpu -> new LabHost("newest", cpu)).toList();
        LabRounds rounds = new LabRounds(LabCache.prepared(), "pins", hosts);
        LabPins lab = new LabPins(rounds);
        lab.compute(rounds.probe());
        // Before the next round, which empties the answers.
        String release = Files.readString(rounds.answer(hosts.getFirst()).resolve("release"))
                .strip();
        lab.prove();
        String page = lab.page(release);
        Files.writeString(Path.of(arguments[0]), page);
        long common = lab.trials.stream()
                .filter(t -> t.minimum() instanceof Minimum.Common)
                .count();
        System.out.printf(
                "%nlab: %d trials of %d CPUs, %d common pins, %s; %s%n",
                lab.trials.size(),
                hosts.size(),
                common,
                rounds.faults().isEmpty()
                        ? "each proved by both hosts"
                        : rounds.faults().size() + " faults",
                arguments[0]);
        return LabCluster.none(rounds.faults());
    }

    private void compute(Map<String, HostProfile> profiles) {
        List<LabHost> hosts = rounds.hosts();
        for (int i = 0; i < hosts.size(); i++) {
            for (LabHost other : hosts.subList(i + 1, hosts.size())) {
                List<HostProfile> pair = Stream.of(hosts.get(i), other)
                        .map(host -> profiles.get(host.name()))
                        .toList();
                for (Vmm vmm : List.of(Vmm.parse("qemu:11.1"), Vmm.GENERIC)) {
                    for (Exclusions exclusions : List.of(Exclusions.NONE, SVE_AND_PAUTH)) {
                        Minimum minimum = Minimum.of(pair, vmm, exclusions);
                        trials.add(new Trial(hosts.get(i), other, vmm, exclusions, minimum));
                    }
                }
            }
        }
    }

    private void prove() throws IOException {
        Path scratch = rounds.scratch("guests");
        Map<String, Path> files = new TreeMap<>();
        for (Trial trial : trials) {
            if (trial.minimum() instanceof Minimum.Common common) {
                Path file = LabRounds.write(scratch, common.abi());
                files.put("lab/guests/" + file.getFileName(), file);
            }
        }
        if (files.isEmpty()) {
            rounds.fault("no two CPUs have a pin in common: at least one pair is known to");
            return;
        }
        rounds.round("run-prove", files, "lab: proved");
        for (LabHost host : rounds.hosts()) {
            proofs.put(host.name(), rounds.proofs(host));
        }
        for (Trial trial : trials) {
            if (trial.minimum() instanceof Minimum.Common common) {
                for (LabHost host : List.of(trial.one(), trial.other())) {
                    checkProof(trial, host, common.abi());
                }
            }
        }
    }

    private void checkProof(Trial trial, LabHost host, GuestAbi pin) {
        JsonNode proof = proofs.get(host.name()).get(pin.digest().hex());
        if (proof == null || !proof.path("valuesTaken").asBoolean()) {
            rounds.fault("%s and %s under %s: %s does not prove the common pin %s: %s"
                    .formatted(
                            trial.one().cpu(),
                            trial.other().cpu(),
                            trial.vmm(),
                            host.cpu(),
                            pin.digest().label(),
                            proof));
        }
    }

    private String page(String release) {
        StringBuilder page =
                new StringBuilder("""
                # Unlike CPUs: what they have in common

                Written by `make lab-pins` on Linux %s: for every two emulated CPUs, the guest ABI that the project computes as the
                most they have in common. It is named where both hosts' kernels proved it; else the registers and fields that forbid
                one. *MIDR fixed* is a VMM that leaves MIDR_EL1, REVIDR_EL1 and AIDR_EL1 to the host, as QEMU 11.1 does; *MIDR writable* is one
                that uses KVM_CAP_ARM_WRITABLE_IMP_ID_REGS.%s

                | CPUs | MIDR | SVE, PAuth | common pin, or what forbids one |
                |---|---|---|---|
                """.formatted(release, rounds.faults().isEmpty() ? "" : " **This run had faults.**"));
        // Where SVE and pointer authentication change nothing, one line says so.
        Map<String, List<String>> lines = new LinkedHashMap<>();
        for (Trial trial : trials) {
            String midr = trial.vmm().equals(Vmm.GENERIC) ? "writable" : "fixed";
            String key = "| %s, %s | %s | %%s | %s |"
                    .formatted(trial.one().cpu(), trial.other().cpu(), midr, outcome(trial.minimum()));
            lines.computeIfAbsent(key, _ -> new ArrayList<>())
                    .add(trial.exclusions().equals(Exclusions.NONE) ? "on" : "off");
        }
        lines.forEach((line, features) ->
                page.append(line.formatted(String.join(" or ", features))).append('\n'));
        return page.toString();
    }

    private static String outcome(Minimum minimum) {
        return switch (minimum) {
            case Minimum.Common common ->
                "**`%s`**, %d features"
                        .formatted(
                                common.abi().digest().label(),
                                common.abi().features().size());
            case Minimum.None none -> {
                List<Refusal> reasons = none.reasons();
                String rest = reasons.size() > MOST_REASONS ? "; and " + (reasons.size() - MOST_REASONS) + " more" : "";
                yield reasons.stream().limit(MOST_REASONS).map(Refusal::message).collect(Collectors.joining("; "))
                        + rest;
            }
        };
    }
}
