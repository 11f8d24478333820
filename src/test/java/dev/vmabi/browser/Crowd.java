package dev.vmabi.browser;

import dev.vmabi.abi.Exclusions;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Minimum;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.cli.Host;
import dev.vmabi.cli.HostReader;
import dev.vmabi.demo.Story;
import dev.vmabi.scale.SimulatedFleet;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** 5,000 nodes: a pool of 4,000 of one CPU model and five kernels, two of them too old, and one of 1,000 of all kinds. */
final class Crowd {
    static final int POOL = 4000;
    static final int ZOO = 1000;
    static final int ZOO_CLASSES = 24;
    static final int VMS = 150;
    private static final Path PROFILES = Path.of("src/test/resources/profiles");

    private Crowd() {}

    static void join(Story story, KubernetesClient client) {
        story.step("5,000 nodes join");
        Instant start = Instant.now();
        SimulatedFleet nodes = new SimulatedFleet(client);
        List<Host> newer = hosts("linux-6.12-neoverse-n1", "linux-6.18-neoverse-n1", "linux-7.3-neoverse-n1");
        List<Host> older = hosts("linux-5.10-neoverse-n1", "linux-6.1-neoverse-n1");
        List<GuestAbi> minimum = minimum(newer);
        nodes.add("n1-seed", "neoverse-n1", newer.size(), newer, minimum);
        apply(client, "neoverse-n1", "Enforce");
        VirtualMachineABIStatus _ = story.await("neoverse-n1 to be pinned", () -> {
            VirtualMachineABIStatus status = status(client, "neoverse-n1");
            return status != null && status.baseline() != null ? status : null;
        });
        List<Host> all = new ArrayList<>(newer);
        all.addAll(older);
        nodes.add("n1", "neoverse-n1", POOL - newer.size(), all, minimum);
        apply(client, "zoo", "Audit");
        nodes.add(
                "zoo",
                "zoo",
                ZOO,
                HostReader.readAll(List.of(PROFILES, Path.of("src/test/resources/hosts"))),
                List.of());
        nodes.addVms("shop", VMS, "n1", POOL, i -> Optional.empty());
        story.say("objects made after " + Duration.between(start, Instant.now()).toSeconds() + " s");
        VirtualMachineABIStatus.NodeCounts judged =
                story.await("all 4,000 to be judged", Duration.ofMinutes(10), () -> {
                    VirtualMachineABIStatus.NodeCounts n =
                            status(client, "neoverse-n1").nodes();
                    return n.accepting() + n.fenced() == POOL ? n : null;
                });
        story.say(judged.accepting() + " accept and " + judged.fenced() + " are fenced, after "
                + Duration.between(start, Instant.now()).toSeconds() + " s");
        story.await("the zoo's classes to be known", Duration.ofMinutes(5), () -> {
            VirtualMachineABIStatus zoo = status(client, "zoo");
            boolean known = zoo != null
                    && zoo.nodes().reporting() == ZOO
                    && zoo.classes().size() == ZOO_CLASSES;
            return known ? Boolean.TRUE : null;
        });
        story.await(
                "all VMs to be stamped",
                Duration.ofMinutes(2),
                () -> status(client, "neoverse-n1").virtualMachines().total() == VMS ? Boolean.TRUE : null);
    }

    private static List<Host> hosts(String... names) {
        return List.of(names).stream()
                .map(n -> HostReader.readAll(List.of(PROFILES.resolve(n + ".json")))
                        .getFirst())
                .toList();
    }

    private static List<GuestAbi> minimum(List<Host> hosts) {
        List<HostProfile> profiles = hosts.stream().map(Host::profile).toList();
        return Minimum.of(profiles, Vmm.parse("qemu:11.1"), new Exclusions(Set.of())) instanceof Minimum.Common common
                ? List.of(common.abi())
                : List.of();
    }

    private static void apply(KubernetesClient client, String pool, String enforcement) {
        String policy = """
                apiVersion: vmabi.dev/v1alpha1
                kind: VirtualMachineABI
                metadata: {name: %s}
                spec:
                  nodeSelector: {matchLabels: {example.com/pool: %s}}
                  vmm: {name: qemu, minimumVersion: "11.1"}
                  enforcement: %s
                """.formatted(pool, pool, enforcement);
        client.load(new ByteArrayInputStream(policy.getBytes(StandardCharsets.UTF_8)))
                .serverSideApply();
    }

    private static VirtualMachineABIStatus status(KubernetesClient client, String policy) {
        return client.resources(VirtualMachineABI.class).withName(policy).get().getStatus();
    }
}
