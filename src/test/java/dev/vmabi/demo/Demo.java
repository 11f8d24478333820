package dev.vmabi.demo;

import dev.vmabi.abi.Digest;
import dev.vmabi.api.ABIProfile;
import dev.vmabi.api.NodeABI;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.HostClass;
import dev.vmabi.api.VirtualMachineABIStatus.RefusedClass;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import dev.vmabi.devserver.User;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The whole product on recorded hosts: what {@code make demo} shows. The API server is the one that the environment
 * asks for, the operator is the shipped one in its own process, the agents are the shipped ones with a host that
 * replays a recording. Everything that is printed is read back through the API; a step that does not hold ends it.
 */
public final class Demo implements AutoCloseable {
    private static final List<String> POLICIES = List.of("cortex-a57", "cortex-a76", "max", "mixed");
    private static final Path EXAMPLES = Path.of("deploy/examples");
    private static final Path PAIRS = Path.of("src/test/resources/hosts/restore-pairs.csv");
    private static final List<String> HOSTS = List.of(
            "linux-6.1-cortex-a57",
            "linux-6.12-cortex-a57",
            "linux-6.18-cortex-a57",
            "linux-6.1-cortex-a76",
            "linux-6.12-cortex-a76",
            "linux-6.18-cortex-a76",
            "linux-6.1-max",
            "linux-6.12-max",
            "linux-6.18-max");

    private static final Duration LIMIT = Duration.ofMinutes(10);
    private static final Duration FOREVER = Duration.ofDays(365);

    private final Story story = new Story(System.out);
    private final ApiServer server;
    private final KubernetesClient client;
    private final ReplayFleet fleet;
    private final KubeVirtStandIn kubeVirt;
    private final OperatorProcess operator;
    private final Kubectl kubectl;

    private Demo(ApiServer server) {
        this(server, 128);
    }

    /** Sets everything up for those who look at the product from outside; {@code heapMiB} is the operator's. */
    public Demo(ApiServer server, int heapMiB) {
        this.server = server;
        this.client = server.client();
        new DemoCluster(client).install();
        this.operator = new OperatorProcess(
                server.kubeconfig(User.serviceAccount("vmabi-system", "vmabi-operator")),
                server.directory(),
                "operator",
                Map.of(),
                heapMiB);
        new DemoCluster(client).gate(operator.gatePort());
        this.fleet = new ReplayFleet(server);
        this.kubeVirt = new KubeVirtStandIn(server);
        this.kubectl = new Kubectl(story, server.kubeconfig());
    }

    public static void main(String[] arguments) {
        boolean keep = arguments.length > 0 && arguments[0].equals("--keep");
        Driver.run("The demonstration failed", keep ? FOREVER : LIMIT, () -> {
            Instant started = Instant.now();
            try (ApiServer server = ApiServers.start();
                    Demo demo = new Demo(server)) {
                demo.orLastWords(demo::tell);
                System.out.printf(
                        "%nAll %d checks held, in %d s.%n",
                        demo.story.checks(),
                        Duration.between(started, Instant.now()).toSeconds());
                if (keep) {
                    demo.keepServing();
                }
            }
            return null;
        });
    }

    /** Does what is done with the demonstration; where that throws, the operator's last words are printed. */
    public void orLastWords(Work work) throws IOException {
        boolean done = false;
        try {
            work.run();
            done = true;
        } finally {
            if (!done) {
                System.err.println("The operator's last words:\n" + operator.tail());
            }
        }
    }

    /** What is done with the demonstration. */
    public interface Work {
        void run() throws IOException;
    }

    @Override
    public void close() {
        fleet.close();
        kubeVirt.close();
        operator.close();
        client.close();
    }

    private void tell() {
        tellUntilRaise();
        raise();
        dashboards();
    }

    /** The story up to the moment where a node is fenced and nothing can be raised. */
    public void tellUntilRaise() {
        hostsReport();
        poolsArePinned();
        mixedPoolHasNoMinimum();
        vmsBootAndAreStamped();
        migrations();
        questions();
        lesserNodeIsFenced();
        rebootIntoOlderKernel();
    }

    public ReplayFleet fleet() {
        return fleet;
    }

    public Story story() {
        return story;
    }

    public OperatorProcess operator() {
        return operator;
    }

    private void hostsReport() {
        story.step("Hosts report what their KVM shows a guest");
        story.await("the operator to be ready", operator::ready);
        story.say("operator ready after "
                + Duration.between(operator.started(), Instant.now()).toMillis() + " ms, "
                + operator.residentMiB() + " MiB resident");
        fleet.join("a57-1", "cortex-a57", "linux-6.12-cortex-a57");
        fleet.join("a57-2", "cortex-a57", "linux-6.12-cortex-a57");
        fleet.join("a57-3", "cortex-a57", "linux-6.18-cortex-a57");
        fleet.join("a76-1", "cortex-a76", "linux-6.1-cortex-a76");
        fleet.join("a76-2", "cortex-a76", "linux-6.12-cortex-a76");
        fleet.join("a76-3", "cortex-a76", "linux-6.18-cortex-a76");
        fleet.join("max-1", "max", "linux-6.1-max");
        fleet.join("max-2", "max", "linux-6.18-max");
        for (int i = 0; i < HOSTS.size(); i++) {
            fleet.join("mixed-" + (i + 1), "mixed", HOSTS.get(i));
        }
        int nodes = client.nodes().list().getItems().size();
        List<NodeABI> reports = story.await(
                "every agent to report",
                () -> Optional.of(client.resources(NodeABI.class).list().getItems())
                        .filter(l -> l.size() == nodes)
                        .orElse(null));
        story.table(
                List.of("NODE", "KERNEL", "MIDR_EL1", "PROFILE", "KVM"),
                reports.stream()
                        .map(r -> List.of(
                                r.getMetadata().getName(),
                                r.getSpec().kernelRelease(),
                                r.getSpec().cpus().getFirst().midr(),
                                r.getSpec().profile().substring(0, 16),
                                r.getSpec().kvm().state().name()))
                        .toList());
        int profiles = client.resources(ABIProfile.class).list().getItems().size();
        story.say(nodes + " nodes share " + profiles + " profiles: work grows with profiles, not with nodes");
        story.check("like hosts share a profile", profiles == HOSTS.size());
    }

    private void poolsArePinned() {
        story.step("Policies are applied; each pool is pinned to what all of its nodes have proved");
        client.load(read(EXAMPLES.resolve("one-policy-per-cpu.yaml"))).serverSideApply();
        List.of("cortex-a57", "cortex-a76", "max")
                .forEach(p -> story.await(p + " to be pinned and converged", () -> {
                    VirtualMachineABIStatus status = status(p);
                    return status != null && isTrue(status, "Ready") && isTrue(status, "Converged");
                }));
        showPolicies();
        for (String policy : List.of("cortex-a57", "cortex-a76", "max")) {
            status(policy).holdsDown().stream()
                    .limit(3)
                    .forEach(h -> story.say(policy + ": " + h.nodes() + " node(s) of profile "
                            + h.profile().substring(0, 16) + " hold " + h.field() + " at " + h.held() + ", it could be "
                            + h.otherwise() + (h.gains().isEmpty() ? "" : ", which gains " + h.gains())));
        }
        String label = status("cortex-a57").baseline().label();
        story.say(labelled(label).size() + " nodes have proved " + label
                + " and carry the label vmabi.node-restriction.kubernetes.io/" + label);
        story.check(
                "all three nodes of cortex-a57 are labelled",
                labelled(label).containsAll(List.of("a57-1", "a57-2", "a57-3")));
    }

    private void mixedPoolHasNoMinimum() {
        story.step("A mixed pool has no common guest ABI under QEMU: classes are shown, no minimum is invented");
        client.load(read(EXAMPLES.resolve("mixed-pool.yaml"))).serverSideApply();
        VirtualMachineABIStatus status = story.await(
                "the mixed policy to be decided",
                () -> Optional.ofNullable(status("mixed"))
                        .filter(s -> s.classes().size() == HOSTS.size())
                        .orElse(null));
        story.say(condition(status, "BaselinePinned"));
        story.check("nothing is pinned", status.baseline() == null);
        Map<String, String> hostOf = new TreeMap<>();
        List<NodeABI> reports = client.resources(NodeABI.class).list().getItems();
        for (int i = 0; i < HOSTS.size(); i++) {
            String node = "mixed-" + (i + 1);
            String shown = reports.stream()
                    .filter(r -> r.getMetadata().getName().equals(node))
                    .map(r -> defaultGuestAbi(r.getSpec().profile()))
                    .findFirst()
                    .orElseThrow();
            hostOf.put(shown, HOSTS.get(i));
        }
        Map<String, String> verdicts = verdicts(status, hostOf);
        List<List<String>> rows = new ArrayList<>();
        for (String from : HOSTS) {
            List<String> row = new ArrayList<>(List.of(from));
            HOSTS.forEach(to -> row.add(verdicts.get(from + "," + to).equals("accept") ? "yes" : "-"));
            rows.add(row);
        }
        List<String> heading = new ArrayList<>(List.of("from \\ to"));
        HOSTS.forEach(h -> heading.add(h.replace("linux-", "").replace("cortex-", "")));
        story.table(heading, rows);
        int agree = 0;
        int pairs = 0;
        for (String line : lines(PAIRS)) {
            String[] pair = line.split(",", -1);
            if (pair[0].equals("qemu:10.0") && pair[1].isEmpty()) {
                pairs++;
                boolean same = pair[4].equals(verdicts.get(pair[2] + "," + pair[3]));
                if (!same) {
                    story.say("differs from what QEMU did: " + line);
                }
                agree += same ? 1 : 0;
            }
        }
        story.say(agree + " of " + pairs + " verdicts equal what QEMU 10.0 did when these migrations were tried");
        story.check("every verdict equals the measured one", agree == pairs && pairs > 0);
        HostClass first = status.classes().getFirst();
        first.refuses().stream()
                .limit(2)
                .forEach(r -> story.say("why not: " + hostOf.get(r.digest()) + " -> "
                        + hostOf.get(first.digest().substring(0, 16)) + ": " + r.reason()));
    }

    private static Map<String, String> verdicts(VirtualMachineABIStatus status, Map<String, String> hostOf) {
        Map<String, String> verdicts = new TreeMap<>();
        for (HostClass to : status.classes()) {
            String here = hostOf.get(to.digest().substring(0, 16));
            verdicts.put(here + "," + here, "accept");
            to.accepts().forEach(from -> verdicts.put(hostOf.get(from) + "," + here, "accept"));
            to.refuses().stream()
                    .map(RefusedClass::digest)
                    .forEach(from -> verdicts.put(hostOf.get(from) + "," + here, "refuse"));
        }
        return verdicts;
    }

    private String defaultGuestAbi(String profile) {
        return client.resources(ABIProfile.class)
                .withName(profile)
                .get()
                .getSpec()
                .toHostProfile()
                .defaultGuestAbi()
                .digest()
                .label();
    }

    private void vmsBootAndAreStamped() {
        story.step("VMs boot, and are stamped with what their guests see");
        String label = status("cortex-a57").baseline().label();
        Pod pod = kubeVirt.boot("web", "a57-1");
        story.say("the launcher pod of VM web was given the node selector "
                + pod.getSpec().getNodeSelector().entrySet().stream()
                        .filter(e -> e.getKey().startsWith("vmabi"))
                        .toList());
        story.check(
                "the gate steers the first boot to nodes that proved the baseline",
                "true".equals(pod.getSpec().getNodeSelector().get("vmabi.node-restriction.kubernetes.io/" + label)));
        Pod _ = kubeVirt.boot("db", "a57-3");
        for (String vm : List.of("web", "db")) {
            String stamp = story.await(
                    vm + " to be stamped, and a57-3 to have proved the stamp",
                    () -> Optional.of(kubeVirt.stamp(vm))
                            .filter(s -> !s.isEmpty() && labelled(s).contains("a57-3"))
                            .orElse(null));
            story.say("VM " + vm + " runs on " + kubeVirt.vmi(vm).get("status", "nodeName") + ", stamped " + stamp
                    + ", can live on " + labelled(stamp));
        }
        story.await(
                "the policy to count them",
                () -> status("cortex-a57").virtualMachines().total() == 2);
    }

    private void migrations() {
        story.step("Migration from Linux 6.12 to 6.18 goes; from 6.18 to 6.12 it is refused, with the very field");
        String before = kubeVirt.stamp("web");
        String node = kubeVirt.migrate("web", "web-up", "a57-3");
        String after = story.await(
                "web to be stamped with its landing",
                () -> Optional.of(kubeVirt.stamp("web"))
                        .filter(s -> !s.equals(before))
                        .orElse(null));
        story.say("VM web moved to " + node + "; its stamp was " + before + ", and is " + after
                + ": it kept its values and gained the registers of the newer kernel");
        String refusal = story.await("the migration of db to be refused", () -> {
            try {
                return "admitted to " + kubeVirt.migrate("db", "db-down", "a57-1");
            } catch (KubernetesClientException e) {
                if (e.getStatus() == null) {
                    throw e;
                }
                return e.getStatus().getMessage();
            }
        });
        refusal.lines().forEach(story::say);
        story.check("it is refused for PSCI_VERSION", refusal.contains("PSCI_VERSION"));
        story.check("db stays where it is", "a57-3".equals(kubeVirt.vmi("db").get("status", "nodeName")));
    }

    private void questions() {
        story.step("What may be asked before it is done");
        String _ = kubectl.vmabi(1, "explain", "vm/db", "--to", "a57-1");
        String drain = kubectl.vmabi(0, "drain-check", "a57-1");
        story.check("nothing is left on a57-1 to stay", drain.contains("0 cannot"));
        String _ = kubectl.vmabi(0, "preflight", "cortex-a57", "--kernel", "6.18", "--nodes", "a57-1");
        String back = kubectl.vmabi(0, "preflight", "cortex-a57", "--kernel", "6.12", "--nodes", "a57-3");
        story.check("going back would leave db nowhere else to go", back.contains("default/db"));
        String held = kubectl.vmabi(0, "holds-down", "cortex-a57");
        story.check("Linux 6.12 holds the baseline down", held.contains("PSCI_VERSION"));
        String _ = kubectl.vmabi(0, "diff", "a57-1", "a57-3");
        String _ = kubectl.vmabi(0, "export", "--policy", "cortex-a57", "--format", "qemu-cpu");
    }

    private void lesserNodeIsFenced() {
        story.step("A lesser node joins: it is fenced, the baseline stands");
        VirtualMachineABIStatus.Pin pin = status("cortex-a57").baseline();
        fleet.join("a57-4", "cortex-a57", "linux-6.1-cortex-a57");
        VirtualMachineABIStatus status = story.await(
                "a57-4 to be fenced",
                () -> Optional.of(status("cortex-a57"))
                        .filter(s -> s.nodes().fenced() == 1)
                        .orElse(null));
        status.fencedNodes().forEach(f -> story.say(f.name() + " is fenced: " + f.reason()));
        story.check("the baseline stands", status.baseline().equals(pin));
        story.check("a57-4 has no label of the baseline", !labelled(pin.label()).contains("a57-4"));
    }

    private void rebootIntoOlderKernel() {
        story.step("A node reboots into an older kernel: it is out at once, before its agent has said a word");
        String label = status("cortex-a57").baseline().label();
        fleet.reboot("a57-2", "linux-6.1-cortex-a57");
        Instant rebooted = Instant.now();
        story.await("a57-2 to lose its labels", () -> !labelled(label).contains("a57-2"));
        story.say("a57-2 lost its labels "
                + Duration.between(rebooted, Instant.now()).toMillis() + " ms after its boot id changed");
        fleet.agentComesUp("a57-2", "linux-6.1-cortex-a57");
        VirtualMachineABIStatus status = story.await(
                "a57-2 to be fenced",
                () -> Optional.of(status("cortex-a57"))
                        .filter(s ->
                                s.fencedNodes().stream().anyMatch(f -> f.name().equals("a57-2")))
                        .orElse(null));
        status.fencedNodes().forEach(f -> story.say(f.name() + " is fenced: " + f.reason()));
    }

    /** The rest of the pool is upgraded, and its policy raised. */
    public void raise() {
        story.step("Every node of the pool comes to Linux 6.18: the raise is offered, approved and final");
        for (String node : List.of("a57-1", "a57-2", "a57-4")) {
            fleet.reboot(node, "linux-6.18-cortex-a57");
            fleet.agentComesUp(node, "linux-6.18-cortex-a57");
        }
        VirtualMachineABIStatus offered = story.await(
                "the raise to be offered",
                () -> Optional.of(status("cortex-a57"))
                        .filter(s -> isTrue(s, "RaiseAvailable") && isTrue(s, "Converged"))
                        .orElse(null));
        story.say(condition(offered, "RaiseAvailable"));
        story.say("it gains " + offered.candidate().gains() + ", loses "
                + offered.candidate().losses());
        Digest candidate = Digest.parse(offered.candidate().digest());
        String _ = kubectl.vmabi(0, "raise", "cortex-a57", "--approve", candidate.hex());
        VirtualMachineABIStatus raised = story.await(
                "the raise",
                () -> Optional.of(status("cortex-a57"))
                        .filter(s -> s.baseline().digest().equals(candidate.hex()))
                        .orElse(null));
        story.say("generation " + raised.baseline().generation() + " is pinned; the way back to generation "
                + raised.previous().generation() + " is open until "
                + raised.previous().finalisedAt());
        story.await("the raise to be final", () -> status("cortex-a57").previous() == null);
        String _ = kubectl.vmabi(0, "status");
        String _ = kubectl.vmabi(0, "nodes", "cortex-a57");
        String _ = kubectl.vmabi(0, "history", "cortex-a57");
    }

    private void dashboards() {
        story.step("What a dashboard shows");
        List<String> lines = operator.metrics()
                .lines()
                .filter(l -> l.startsWith("vmabi_") && !l.contains("_bucket"))
                .sorted()
                .toList();
        lines.forEach(story::say);
        story.check("nodes are counted", lines.stream().anyMatch(l -> l.startsWith("vmabi_nodes{")));
        story.check("admissions are counted", lines.stream().anyMatch(l -> l.startsWith("vmabi_admissions")));
        story.say("operator: " + operator.residentMiB() + " MiB resident");
    }

    private void showPolicies() {
        story.table(
                List.of(
                        "POLICY",
                        "BASELINE",
                        "GEN",
                        "NODES",
                        "ACCEPT",
                        "FENCED",
                        "VMS",
                        "FEATURES",
                        "VMM IMPOSES",
                        "READY"),
                client.resources(VirtualMachineABI.class).list().getItems().stream()
                        .filter(p -> POLICIES.contains(p.getMetadata().getName()) && p.getStatus() != null)
                        .map(Demo::row)
                        .toList());
    }

    private static List<String> row(VirtualMachineABI policy) {
        VirtualMachineABIStatus status = policy.getStatus();
        VirtualMachineABIStatus.Pin pin = status.baseline();
        return List.of(
                policy.getMetadata().getName(),
                pin == null ? "-" : pin.label(),
                pin == null ? "-" : Long.toString(pin.generation()),
                Integer.toString(status.nodes().matched()),
                Integer.toString(status.nodes().accepting()),
                Integer.toString(status.nodes().fenced()),
                Integer.toString(status.virtualMachines().total()),
                pin == null ? "-" : Integer.toString(pin.features().size()),
                pin == null ? "-" : Objects.requireNonNullElse(pin.clamp(), ""),
                isTrue(status, "Ready") ? "True" : "False");
    }

    private VirtualMachineABIStatus status(String policy) {
        return client.resources(VirtualMachineABI.class).withName(policy).get().getStatus();
    }

    private static boolean isTrue(VirtualMachineABIStatus status, String type) {
        return status.conditions().stream()
                .anyMatch(c -> c.getType().equals(type) && c.getStatus().equals("True"));
    }

    private static String condition(VirtualMachineABIStatus status, String type) {
        return status.conditions().stream()
                .filter(c -> c.getType().equals(type))
                .map(c -> c.getType() + "=" + c.getStatus() + " (" + c.getReason() + "): " + c.getMessage())
                .findFirst()
                .orElse(type + " is not there");
    }

    private List<String> labelled(String digest16) {
        return client
                .nodes()
                .withLabel("vmabi.node-restriction.kubernetes.io/" + digest16, "true")
                .list()
                .getItems()
                .stream()
                .map(n -> n.getMetadata().getName())
                .sorted()
                .toList();
    }

    private void keepServing() {
        System.out.println("""

                Still serving; end it with Ctrl-C.
                  the page    %s
                  metrics     %s/metrics
                  kubeconfig  %s
                  try         kubectl --kubeconfig %s get vmabi,nodes,vmi -A
                """.formatted(operator.page(), operator.url(), server.kubeconfig(), server.kubeconfig()));
        while (true) {
            Story.pause(Duration.ofHours(1));
        }
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static InputStream read(Path file) {
        try {
            return Files.newInputStream(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
