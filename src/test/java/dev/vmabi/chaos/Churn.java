package dev.vmabi.chaos;

import dev.vmabi.agent.Host;
import dev.vmabi.api.NodeABI;
import dev.vmabi.demo.KubeVirtStandIn;
import dev.vmabi.demo.ReplayFleet;
import dev.vmabi.demo.ReplayHost;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;

/**
 * What goes on in a cluster anyway: VMs boot, migrate and end, nodes reboot into this kernel or that, people approve
 * raises and take them back. One thing at a time; each may fail while a fault is on, and is then cleared up.
 */
final class Churn implements Runnable {
    private static final int MOST_VMS = 40;
    private static final Duration SEEN = Duration.ofSeconds(10);

    private final Rig rig;
    private final Random random;
    private final KubeVirtStandIn kubeVirt;
    /** Where each VM is. */
    private final Map<String, String> vms = new LinkedHashMap<>();

    private final List<String> ended = new ArrayList<>();
    /** The kernel that nodes of pool max reboot into: now and then it is rolled out, and back. */
    private String kernel = "6.18";

    private int names;
    private int boots;
    private int moves;
    private int denied;
    /** Moves that a kernel refused: the node was chosen by a label that was about to go. */
    private int refused;

    private int reboots;
    private int approvals;
    private volatile boolean stopped;

    Churn(Rig rig, long seed) {
        this.rig = rig;
        random = new Random(seed);
        kubeVirt = new KubeVirtStandIn(rig.server);
    }

    @Override
    public void run() {
        while (!stopped) {
            step();
            Rig.pause(Duration.ofMillis(100 + random.nextInt(700)));
        }
    }

    private synchronized void step() {
        try {
            for (String name : List.copyOf(ended)) {
                kubeVirt.end(name);
                ended.remove(name);
            }
            int dice = random.nextInt(100);
            if (dice < 30 && vms.size() < MOST_VMS) {
                boot(pick(rig.nodes()));
            } else if (dice < 70 && !vms.isEmpty()) {
                migrate(pick(List.copyOf(vms.keySet())));
            } else if (dice < 78 && !vms.isEmpty()) {
                end(pick(List.copyOf(vms.keySet())));
            } else if (dice < 90) {
                reboot(pick(rig.nodes()));
            } else if (dice < 96) {
                rollOut();
            } else {
                approve();
            }
        } catch (KubernetesClientException | IllegalStateException e) {
            // Denied, unschedulable, or a fault is on; who was in the middle of it is cleared away at the next step.
            denied++;
        }
    }

    private <T> T pick(List<T> list) {
        return list.get(random.nextInt(list.size()));
    }

    private void boot(String node) {
        String name = "vm-" + ++names;
        try {
            Pod _ = kubeVirt.boot(name, node);
            vms.put(name, node);
            boots++;
            awaitSeen(name, node);
        } catch (KubernetesClientException | IllegalStateException e) {
            end(name);
            throw e;
        }
    }

    private void migrate(String name) {
        try {
            String uid = kubeVirt.vmi(name).getMetadata().getUid();
            String node = kubeVirt.migrate(name, "m-" + ++names, "", new KubeVirtStandIn.Target() {
                @Override
                public void admitted(Pod pod) {
                    rig.checker.admitted(pod);
                }

                @Override
                public boolean takes(String node) {
                    boolean takes = rig.checker.taken(
                            uid, ReplayFleet.recorded(rig.hosts.get(node)).profile());
                    refused += takes ? 0 : 1;
                    return takes;
                }
            });
            vms.put(name, node);
            moves++;
            awaitSeen(name, node);
        } catch (KubernetesClientException | IllegalStateException e) {
            // It may have moved although the answer was lost; where it is now, nobody would know.
            if (!(e instanceof KubernetesClientException refused) || refused.getCode() != 403) {
                end(name);
            }
            throw e;
        }
    }

    /** Two moves that are seen as one could not be followed. */
    private void awaitSeen(String name, String node) {
        GenericKubernetesResource vmi = kubeVirt.vmi(name);
        Instant end = Instant.now().plus(SEEN);
        while (!rig.checker.follows(vmi.getMetadata().getUid(), node)) {
            if (Instant.now().isAfter(end)) {
                end(name);
                return;
            }
            Rig.pause(Duration.ofMillis(20));
        }
    }

    /** Ends with the next step if it cannot be done now. */
    private void end(String name) {
        vms.remove(name);
        ended.add(name);
        kubeVirt.end(name);
        ended.remove(name);
    }

    /** The node goes down with its guests and comes up again, maybe in another kernel. */
    synchronized void reboot(String node) {
        endGuestsOn(node);
        String host = rig.hosts.get(node);
        String cpu = host.substring(host.indexOf('-', "linux-".length()) + 1);
        String now = Rig.pool(node).equals("max") ? kernel : pick(List.of("6.12", "6.18"));
        host = "linux-" + now + "-" + cpu;
        rig.fleet.reboot(node, host);
        rig.hosts.put(node, host);
        Rig.pause(Duration.ofMillis(random.nextInt(300)));
        rig.fleet.agentComesUp(node, host);
        reboots++;
    }

    synchronized void endGuestsOn(String node) {
        vms.entrySet().stream()
                .filter(e -> e.getValue().equals(node))
                .map(Map.Entry::getKey)
                .toList()
                .forEach(this::end);
    }

    private void rollOut() {
        kernel = kernel.equals("6.18") ? "6.12" : "6.18";
        List<String> pool = new ArrayList<>(
                rig.nodes().stream().filter(n -> Rig.pool(n).equals("max")).toList());
        Collections.shuffle(pool, random);
        pool.forEach(this::reboot);
    }

    private void approve() {
        for (GenericKubernetesResource policy : rig.admin
                .genericKubernetesResources("vmabi.dev/v1alpha1", "VirtualMachineABI")
                .list()
                .getItems()) {
            String digest = policy.get("status", random.nextBoolean() ? "candidate" : "previous", "digest");
            if (digest != null && digest.length() == 64) {
                GenericKubernetesResource _ = rig.admin.resource(policy).edit(p -> {
                    Map<String, Object> raise = p.get("spec", "raise");
                    raise.put("approve", digest);
                    return p;
                });
                approvals++;
            }
        }
    }

    /** The kernel of a node refuses from now on whatever its agent tries, though it was measured to take it. */
    synchronized void refuse(String node, Random random) {
        startAgent(node, RefusingHost::new);
    }

    /** Nobody but a liar writes a node's report from now on; its guests end, for what they have would follow the lie. */
    synchronized void lie(String node, Map<String, Object> spec) {
        endGuestsOn(node);
        rig.fleet.stopAgent(node);
        NodeABI _ = rig.admin
                .resources(NodeABI.class)
                .withName(node)
                .patch(PatchContext.of(PatchType.JSON_MERGE), Serialization.asJson(Map.of("spec", spec)));
    }

    /** The node's agent starts anew in the same boot. */
    synchronized void tellTheTruth(String node) {
        startAgent(node, host -> host);
    }

    private void startAgent(String node, Function<ReplayHost, Host> answering) {
        rig.fleet.stopAgent(node);
        String boot =
                rig.admin.nodes().withName(node).get().getStatus().getNodeInfo().getBootID();
        var recorded = ReplayFleet.recorded(rig.hosts.get(node));
        rig.fleet.startAgent(node, answering.apply(new ReplayHost(recorded.profile(), recorded.kernelRelease(), boot)));
    }

    /** Does it between two steps. */
    synchronized void whileNobodyMoves(Runnable what) {
        what.run();
    }

    void stop() {
        stopped = true;
    }

    synchronized String told() {
        return "%d boots, %d migrations (%d refused by the kernel they came to, of nodes whose label was about to go), "
                        .formatted(boots, moves, refused)
                + "%d reboots, %d approvals; %d things were denied or failed".formatted(reboots, approvals, denied);
    }
}
