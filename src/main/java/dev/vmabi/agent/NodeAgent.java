package dev.vmabi.agent;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.ABIProfileSpec;
import dev.vmabi.api.GuestABISpec;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.kvm.KvmState;
import dev.vmabi.kvm.Proof;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * The agent of one node, in one thread: probe, publish, then prove every guest ABI the cluster has or gets. It sleeps
 * in a read between events and writes only what differs from what the cluster holds.
 *
 * <p>Order on a start: the guest ABIs are proved before the report is written, so a restart never takes a proof back
 * that still holds.
 */
public final class NodeAgent implements Runnable {

    private static final String GROUP_PATH = "/apis/" + Names.API_VERSION + "/";
    private static final String GUEST_ABIS = GROUP_PATH + "guestabis";

    /** Events nearer to one another than this are of one burst. */
    private static final Duration BURST = Duration.ofMillis(200);

    /** How long after work the JVM still compiles, and keeps what it compiled with: it frees that every five seconds. */
    private static final Duration SETTLED = Duration.ofSeconds(12);

    private static final int PAGE = 16;

    private final String node;
    private final String version;
    private final Host host;
    private final ApiClient api;
    private final Metrics metrics;
    private final Log log;
    private final Pause pause = new Pause();

    private final NavigableMap<Digest, GuestAbi> guestAbis = new TreeMap<>();
    private final NavigableMap<Digest, Proof.Result> proofs = new TreeMap<>();
    private final Set<String> complaints = new HashSet<>();

    private Host.Findings findings;
    private String nodeUid;
    /** Where to resume the watch; null to list anew. */
    private String resourceVersion;
    /** When all was proved and published, and whether the host was let rest since. */
    private long workedAt;

    private boolean rested;

    private volatile boolean stopped;
    private volatile boolean probeAgain = true;
    private volatile Watch watch;

    public NodeAgent(String node, String version, Host host, ApiClient api, Metrics metrics, Log log) {
        this.node = node;
        this.version = version;
        this.host = host;
        this.api = api;
        this.metrics = metrics;
        this.log = log;
    }

    /** Runs until {@link #stop}. */
    @Override
    public void run() {
        while (!stopped) {
            try {
                if (probeAgain) {
                    probeAgain = false;
                    probe();
                }
                follow();
                pause.reset();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            } catch (IOException | RuntimeException e) {
                if (!stopped && !probeAgain) {
                    metrics.failed();
                    log.warn(reason(e) + "; trying again in " + pause.next().toMillis() + " ms");
                    pause.sleep();
                }
            }
        }
    }

    /** Probes the host again and publishes what changed. May be called from any thread. */
    public void probeAgain() {
        probeAgain = true;
        wake();
    }

    /** Ends {@link #run} soon. May be called from any thread. */
    public void stop() {
        stopped = true;
        wake();
    }

    private void wake() {
        pause.end();
        close(watch);
    }

    private void probe() {
        long start = System.nanoTime();
        findings = host.probe();
        double seconds = (System.nanoTime() - start) / 1e9;
        metrics.probed(seconds, findings.state().name());
        proofs.clear();
        nodeUid = null;
        if (findings.state() == KvmState.Available) {
            for (Host.Cpu cpu : findings.cpus()) {
                log.info("probed kernel=%s midr=0x%x cpus=%d profile=%s seconds=%.2f"
                        .formatted(
                                findings.kernelRelease(),
                                cpu.midr(),
                                cpu.count(),
                                cpu.profile().digest().label(),
                                seconds));
            }
        } else {
            log.warn("kvm=" + findings.state() + " " + findings.message());
        }
    }

    /** Publishes and then follows the guest ABIs until the watch ends. */
    private void follow() throws IOException, InterruptedException {
        if (nodeUid == null) {
            String uid = uidOfOwnNode();
            publishProfiles();
            nodeUid = uid;
        }
        if (resourceVersion == null) {
            list();
        }
        proveAndPublish();
        Duration lasts = Pause.watchTime();
        String query = "?watch=true&allowWatchBookmarks=true&timeoutSeconds=" + lasts.toSeconds() + "&resourceVersion=";
        try (Watch events = new Watch(api.watch(GUEST_ABIS + query + resourceVersion, lasts))) {
            watch = events;
            if (stopped || probeAgain) {
                return;
            }
            boolean changed = false;
            rest(events);
            for (String line = events.take(); line != null; line = events.take()) {
                pause.reset();
                changed |= handle(ApiClient.JSON.readTree(line));
                if (resourceVersion == null) {
                    return;
                }
                // What comes in one burst is published in one write.
                if (changed && !events.more(BURST)) {
                    proveAndPublish();
                    changed = false;
                }
                rest(events);
            }
        } finally {
            watch = null;
        }
    }

    private void rest(Watch events) throws IOException, InterruptedException {
        if (!rested && !events.more(SETTLED.minusNanos(System.nanoTime() - workedAt))) {
            host.rest();
            rested = true;
        }
    }

    private String uidOfOwnNode() throws IOException, InterruptedException {
        JsonNode object =
                api.get("/api/v1/nodes/" + node).orElseThrow(() -> new IOException("the cluster has no node " + node));
        String bootId = object.path("status").path("nodeInfo").path("bootID").asText();
        if (!bootId.isEmpty() && !bootId.equals(findings.bootId())) {
            throw new IOException("node " + node + " reports boot id " + bootId + ", this host has " + findings.bootId()
                    + ": the kubelet has not reported its last boot yet, or this is another host");
        }
        return object.path("metadata").path("uid").asText();
    }

    private void publishProfiles() throws IOException, InterruptedException {
        Set<HostProfile> profiles = new LinkedHashSet<>();
        findings.cpus().forEach(cpu -> profiles.add(cpu.profile()));
        for (HostProfile profile : profiles) {
            String path = GROUP_PATH + "abiprofiles/" + profile.digest();
            Optional<JsonNode> live = api.get(path);
            if (live.isPresent() && holds(live.get(), profile)) {
                continue;
            }
            try {
                api.apply(path, Reports.abiProfile(profile));
            } catch (ApiException e) {
                if (live.isEmpty() || e.status() != 422) {
                    throw e;
                }
                // Somebody else's lie under this name, and content is immutable: the operator ignores and reports it.
                log.warn("ABIProfile " + profile.digest().label() + " is not what its name says and cannot be mended: "
                        + e.getMessage());
            }
        }
    }

    private static boolean holds(JsonNode live, HostProfile profile) {
        try {
            ABIProfileSpec spec = ApiClient.JSON.treeToValue(live.path("spec"), ABIProfileSpec.class);
            return spec.toHostProfile().digest().equals(profile.digest());
        } catch (IOException | RuntimeException e) {
            return false;
        }
    }

    /** In pages: a list of them all would be the most the agent ever holds. */
    private void list() throws IOException, InterruptedException {
        guestAbis.clear();
        complaints.clear();
        String next = "";
        do {
            JsonNode page = api.get(GUEST_ABIS + "?limit=" + PAGE + next)
                    .orElseThrow(() -> new IOException("the cluster does not know GuestABI"));
            page.path("items").forEach(this::add);
            String token = page.path("metadata").path("continue").asText();
            next = token.isEmpty() ? "" : "&continue=" + URLEncoder.encode(token, StandardCharsets.UTF_8);
            resourceVersion = page.path("metadata").path("resourceVersion").asText();
        } while (!next.isEmpty());
    }

    /** Takes one watch event; true if the set of guest ABIs may have changed. */
    private boolean handle(JsonNode event) throws IOException {
        JsonNode object = event.path("object");
        switch (event.path("type").asText()) {
            case "ADDED", "MODIFIED" -> add(object);
            case "DELETED" -> digest(object).ifPresent(guestAbis::remove);
            case "BOOKMARK" -> {
                resourceVersion =
                        object.path("metadata").path("resourceVersion").asText();
                return false;
            }
            case "ERROR" -> {
                resourceVersion = null;
                if (object.path("code").asInt() != 410) {
                    throw new IOException(
                            "watch of GuestABIs: " + object.path("message").asText("no reason given"));
                }
                return false;
            }
            default -> {
                return false;
            }
        }
        resourceVersion = object.path("metadata").path("resourceVersion").asText();
        return true;
    }

    private void add(JsonNode object) {
        String name = object.path("metadata").path("name").asText();
        try {
            GuestABISpec spec = ApiClient.JSON.treeToValue(object.path("spec"), GuestABISpec.class);
            if (spec == null) {
                throw new IllegalArgumentException("it has no spec");
            }
            GuestAbi guestAbi = spec.toGuestAbi();
            if (!guestAbi.digest().hex().equals(name)) {
                throw new IllegalArgumentException("its content has digest " + guestAbi.digest());
            }
            guestAbis.put(guestAbi.digest(), guestAbi);
        } catch (IOException | RuntimeException e) {
            digest(object).ifPresent(guestAbis::remove);
            if (complaints.add(name)) {
                log.warn("GuestABI " + name + " is not proved: " + reason(e));
            }
        }
    }

    private static Optional<Digest> digest(JsonNode object) {
        try {
            return Optional.of(Digest.parse(object.path("metadata").path("name").asText()));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    private void proveAndPublish() throws IOException, InterruptedException {
        RuntimeException failure = null;
        proofs.keySet().retainAll(guestAbis.keySet());
        if (findings.state() == KvmState.Available) {
            for (GuestAbi guestAbi : guestAbis.values()) {
                if (!proofs.containsKey(guestAbi.digest())) {
                    try {
                        prove(guestAbi);
                    } catch (RuntimeException e) {
                        failure = e;
                    }
                }
            }
        }
        publishReport();
        workedAt = System.nanoTime();
        rested = false;
        if (failure != null) {
            throw failure;
        }
    }

    private void prove(GuestAbi guestAbi) {
        Proof.Result result = host.prove(guestAbi);
        proofs.put(guestAbi.digest(), result);
        metrics.proved(result.valuesTaken());
        String answer = result.refused().stream()
                .filter(refused -> refused.outcome() != Proof.Outcome.Absent)
                .findFirst()
                .map(refused -> "refused " + refused)
                .orElse("values taken");
        log.info("proved " + guestAbi.digest().label() + " " + answer + ", " + result.absent() + " registers absent");
    }

    private void publishReport() throws IOException, InterruptedException {
        NodeABISpec spec = Reports.spec(findings, proofs, version);
        String path = GROUP_PATH + "nodeabis/" + node;
        Optional<JsonNode> live = api.get(path);
        if (live.isEmpty() || !Reports.says(live.get(), nodeUid, spec)) {
            metrics.published(false);
            api.apply(path, Reports.nodeAbi(node, nodeUid, spec));
            log.info("published state=" + findings.state() + " proofs=" + proofs.size());
        }
        metrics.published(true);
    }

    private static void close(Watch watch) {
        if (watch != null) {
            try {
                watch.close();
            } catch (IOException e) {
                // The reader will notice.
            }
        }
    }

    private static String reason(Exception e) {
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }
}
