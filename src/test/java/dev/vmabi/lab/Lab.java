package dev.vmabi.lab;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Exclusions;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Minimum;
import dev.vmabi.abi.Refusal;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.ABIProfileSpec;
import dev.vmabi.api.GuestABISpec;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.demo.OperatorProcess;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import dev.vmabi.devserver.User;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;

/**
 * {@code make lab}: boots emulated arm64 hosts with the real agent, all reporting to one API server, and checks what
 * they report. Its argument is how many hosts; all of them without one. Exits with 1 if anything is off.
 */
public final class Lab {

    private static final Duration BOOT = Duration.ofMinutes(15);
    private static final User AGENT = User.serviceAccount("vmabi-system", "vmabi-agent");
    private static final Path AGENT_JARS = Path.of("target/agent");
    private static final ObjectMapper JSON = new ObjectMapper();

    /** What a VMM may impose, by which guest ABIs are made for the hosts to prove. */
    private static final List<Clamp> CLAMPS =
            List.of(Clamp.NONE, Clamp.parse("psci=1.1"), Clamp.parse("sve=off,pauth=off"));

    private static final Vmm VMM = Vmm.parse("qemu:11.1");
    private static final String POLICY = """
            apiVersion: vmabi.dev/v1alpha1
            kind: VirtualMachineABI
            metadata:
              name: CPU
            spec:
              nodeSelector:
                matchLabels:
                  example.com/pool: CPU
              vmm:
                name: qemu
                minimumVersion: "11.1"
            """;

    private final ApiServer server;
    private final KubernetesClient client;
    private final NavigableMap<String, EmulatedHost> hosts = new TreeMap<>();
    private final List<String> faults = new ArrayList<>();

    private Lab(ApiServer server) {
        this.server = server;
        this.client = server.client();
    }

    public static void main(String[] arguments) throws IOException {
        Instant started = Instant.now();
        List<LabHost> kinds = LabHost.all();
        if (arguments.length > 0) {
            kinds = kinds.subList(0, Math.min(kinds.size(), Integer.parseInt(arguments[0])));
        }
        LabCache cache = LabCache.prepared();
        List<String> faults = new ArrayList<>();
        try (ApiServer server = ApiServers.start()) {
            Lab lab = new Lab(server);
            try {
                lab.run(cache, kinds);
            } catch (IllegalStateException e) {
                lab.fault(e.getMessage());
            } finally {
                lab.hosts.values().forEach(EmulatedHost::close);
                lab.client.close();
            }
            faults.addAll(lab.faults);
        }
        System.out.printf(
                "%nlab: %d hosts, %d s, %s%n",
                kinds.size(),
                Duration.between(started, Instant.now()).toSeconds(),
                faults.isEmpty() ? "nothing is off" : faults.size() + " faults:");
        faults.forEach(fault -> System.out.println("  " + fault));
        System.exit(faults.isEmpty() ? 0 : 1);
    }

    private void run(LabCache cache, List<LabHost> kinds) throws IOException {
        new DemoCluster(client).install();
        Path overlay = cache.overlay("lab", overlayFiles(cache));
        boot(cache, overlay, kinds);
        Map<String, HostProfile> profiles = new LinkedHashMap<>();
        for (LabHost kind : kinds) {
            profiles.put(kind.name(), checkReport(kind));
        }
        Map<String, GuestAbi> guests = proposeGuestAbis(profiles);
        checkProofs(profiles, guests);
        print(profiles);
        // The operator alone writes guest ABIs: those of the lab go, so that what it finds is a cluster's.
        client.genericKubernetesResources(Names.API_VERSION, "GuestABI").delete();
        try (OperatorProcess operator = new OperatorProcess(
                server.kubeconfig(User.serviceAccount("vmabi-system", "vmabi-operator")),
                server.directory(),
                "operator",
                Map.of())) {
            decide(kinds, profiles, operator);
        }
    }

    /** One policy for each CPU: what the operator pins must be the minimum, proved by every host of the pool. */
    private void decide(List<LabHost> kinds, Map<String, HostProfile> profiles, OperatorProcess operator) {
        System.out.printf(
                "%n%-14s %-18s %-5s %-6s %-7s %-12s %s%n",
                "POLICY", "BASELINE", "NODES", "ACCEPT", "FENCED", "VMM IMPOSES", "HELD DOWN BY");
        for (String cpu : new TreeSet<>(kinds.stream().map(LabHost::cpu).toList())) {
            client.load(new ByteArrayInputStream(POLICY.replace("CPU", cpu).getBytes(StandardCharsets.UTF_8)))
                    .serverSideApply();
            List<LabHost> pool =
                    kinds.stream().filter(kind -> kind.cpu().equals(cpu)).toList();
            Minimum expected = Minimum.of(
                    pool.stream().map(kind -> profiles.get(kind.name())).toList(), VMM, Exclusions.NONE);
            VirtualMachineABIStatus status = await("the operator to decide about " + cpu, () -> decided(cpu, operator));
            String digest =
                    status.baseline() == null ? "none" : status.baseline().digest();
            String minimum = expected instanceof Minimum.Common common
                    ? common.abi().digest().hex()
                    : "none";
            check(digest.equals(minimum), cpu + ": pinned " + digest + ", the minimum is " + minimum);
            if (status.baseline() != null) {
                String label = Names.nodeLabel(status.baseline().label());
                for (LabHost kind : pool) {
                    check(
                            "true"
                                    .equals(client.nodes()
                                            .withName(kind.name())
                                            .get()
                                            .getMetadata()
                                            .getLabels()
                                            .get(label)),
                            kind.name() + ": has no label for the pin of its pool");
                }
            }
            System.out.printf(
                    "%-14s %-18s %-5d %-6d %-7d %-12s %s%n",
                    cpu,
                    digest.substring(0, Math.min(16, digest.length())),
                    status.nodes().matched(),
                    status.nodes().accepting(),
                    status.nodes().fenced(),
                    status.baseline() == null || status.baseline().clamp() == null
                            ? ""
                            : status.baseline().clamp(),
                    String.join(
                            ", ",
                            status.holdsDown().stream()
                                    .map(VirtualMachineABIStatus.HoldsDown::field)
                                    .limit(3)
                                    .toList()));
        }
    }

    /** A policy's status once it is converged, or once it says that there is no minimum. */
    private Optional<VirtualMachineABIStatus> decided(String policy, OperatorProcess operator) {
        operator.ready(); // throws if it ended
        VirtualMachineABI found =
                client.resources(VirtualMachineABI.class).withName(policy).get();
        return Optional.ofNullable(found.getStatus())
                .filter(status -> status.conditions().stream()
                        .anyMatch(c -> (c.getType().equals("Converged")
                                        && c.getStatus().equals("True"))
                                || (c.getType().equals("BaselinePinned")
                                        && c.getReason().equals("NoCommonABI"))));
    }

    private Map<String, Path> overlayFiles(LabCache cache) throws IOException {
        Map<String, Path> files = new TreeMap<>();
        try (var jars = Files.list(AGENT_JARS)) {
            jars.forEach(jar -> files.put("lab/agent/" + jar.getFileName(), jar));
        }
        files.put("lab/run", Path.of(LabCache.script("run-agent")));
        files.put("lab/reader", cache.reader());
        // The hosts know this machine's loopback as 10.0.2.2, by a name that is in the server's certificate.
        Path kubeconfig = cache.directory().resolve("kubeconfig");
        Files.writeString(
                kubeconfig,
                Files.readString(server.kubeconfig(AGENT))
                        .replace("https://127.0.0.1:", "https://kubernetes.default.svc:"));
        files.put("lab/kubeconfig", kubeconfig);
        return files;
    }

    /** Two at a time: each takes a whole CPU until its agent has published. */
    private void boot(LabCache cache, Path overlay, List<LabHost> kinds) {
        Semaphore booting = new Semaphore(2);
        List<Thread> threads = new ArrayList<>();
        for (LabHost kind : kinds) {
            createNode(kind);
            booting.acquireUninterruptibly();
            EmulatedHost host = new EmulatedHost(cache, kind, List.of(overlay), List.of());
            hosts.put(kind.name(), host);
            threads.add(Thread.ofVirtual().start(() -> {
                try {
                    String[] boot = host.await("lab: boot ", BOOT).split(" ", -1);
                    setBoot(kind, boot[2], boot[3]);
                    host.await("published state=", BOOT);
                    System.out.println("lab: " + kind.name() + " (" + boot[3] + ") has published");
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

    private void createNode(LabHost kind) {
        client.resource(new NodeBuilder()
                        .withNewMetadata()
                        .withName(kind.name())
                        .addToLabels("kubernetes.io/arch", "arm64")
                        .addToLabels("kubernetes.io/hostname", kind.name())
                        .addToLabels("kubevirt.io/schedulable", "true")
                        .addToLabels("example.com/pool", kind.cpu())
                        .endMetadata()
                        .build())
                .create();
    }

    /** What the kubelet would report. */
    private void setBoot(LabHost kind, String bootId, String release) {
        client.nodes()
                .withName(kind.name())
                .editStatus(node -> new NodeBuilder(node)
                        .editOrNewStatus()
                        .withConditions()
                        .addNewCondition()
                        .withType("Ready")
                        .withStatus("True")
                        .endCondition()
                        .withNewNodeInfo()
                        .withArchitecture("arm64")
                        .withBootID(bootId)
                        .withKernelVersion(release)
                        .withOperatingSystem("linux")
                        .withContainerRuntimeVersion("")
                        .withKubeProxyVersion("")
                        .withKubeletVersion("")
                        .withMachineID("")
                        .withOsImage("")
                        .withSystemUUID("")
                        .endNodeInfo()
                        .endStatus()
                        .build());
    }

    /** The report against what a second reader saw on the same host. */
    private HostProfile checkReport(LabHost kind) {
        NodeABISpec report = report(kind.name()).orElseThrow();
        HostProfile profile = spec("ABIProfile", report.profile(), ABIProfileSpec.class)
                .orElseThrow()
                .toHostProfile();
        check(profile.digest().hex().equals(report.profile()), kind.name() + ": the profile is not what its name says");
        SecondReading reading = new SecondReading(hosts.get(kind.name()).console());
        check(reading.registers() > 200, kind.name() + ": the second reader read too little");
        reading.differences(profile).forEach(difference -> fault(kind.name() + ": " + difference));
        return profile;
    }

    private Map<String, GuestAbi> proposeGuestAbis(Map<String, HostProfile> profiles) {
        Map<String, GuestAbi> guests = new TreeMap<>();
        for (HostProfile profile : profiles.values()) {
            for (Clamp clamp : CLAMPS) {
                GuestAbi abi = profile.birth(clamp);
                if (guests.put(abi.digest().hex(), abi) == null) {
                    GenericKubernetesResource object = new GenericKubernetesResource();
                    object.setApiVersion(Names.API_VERSION);
                    object.setKind("GuestABI");
                    object.setMetadata(
                            new ObjectMetaBuilder().withName(abi.digest().hex()).build());
                    object.setAdditionalProperty("spec", JSON.valueToTree(GuestABISpec.fromGuestAbi(abi)));
                    client.resource(object).create();
                }
            }
        }
        return guests;
    }

    /** Every proof against what {@code abi} says of the same host and guest ABI. */
    private void checkProofs(Map<String, HostProfile> profiles, Map<String, GuestAbi> guests) {
        int proofs = 0;
        int accepted = 0;
        for (Map.Entry<String, HostProfile> host : profiles.entrySet()) {
            List<NodeABISpec.Proof> found = await(
                    host.getKey() + " to prove " + guests.size() + " guest ABIs",
                    () -> report(host.getKey()).map(NodeABISpec::proofs).filter(list -> list.size() == guests.size()));
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

    /** What the algebra expects a proof to say: values alone, whatever the kernel does not list. */
    static boolean valuesTaken(HostProfile host, GuestAbi abi) {
        return !(host.accepts(abi, Vmm.GENERIC) instanceof Verdict.Refused refused)
                || refused.refusals().stream()
                        .allMatch(r -> r instanceof Refusal.RegisterMissing || r instanceof Refusal.RegisterList);
    }

    private void print(Map<String, HostProfile> profiles) {
        System.out.printf(
                "%n%-26s %-28s %-16s %-16s %-9s %s%n", "NODE", "KERNEL", "PROFILE", "GUEST ABI", "REGISTERS", "PROOFS");
        profiles.forEach((name, profile) -> {
            NodeABISpec report = report(name).orElseThrow();
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

    private Optional<NodeABISpec> report(String node) {
        return spec("NodeABI", node, NodeABISpec.class);
    }

    private <T> Optional<T> spec(String kind, String name, Class<T> type) {
        return Optional.ofNullable(client.genericKubernetesResources(Names.API_VERSION, kind)
                        .withName(name)
                        .get())
                .map(object -> JSON.convertValue(object.get("spec"), type));
    }

    private static <T> T await(String what, Supplier<Optional<T>> question) {
        Instant until = Instant.now().plus(BOOT);
        while (Instant.now().isBefore(until)) {
            Optional<T> answer = question.get();
            if (answer.isPresent()) {
                return answer.get();
            }
            try {
                Thread.sleep(500);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        throw new IllegalStateException("waited in vain for " + what);
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
