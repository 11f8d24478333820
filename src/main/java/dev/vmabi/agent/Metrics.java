package dev.vmabi.agent;

import java.util.concurrent.atomic.AtomicLong;

/** What an agent counts, in Prometheus' text format. Thread-safe. */
public final class Metrics {

    private final AtomicLong requests = new AtomicLong();
    private final AtomicLong failures = new AtomicLong();
    private final AtomicLong writes = new AtomicLong();
    private final AtomicLong probes = new AtomicLong();
    private final AtomicLong accepted = new AtomicLong();
    private final AtomicLong refused = new AtomicLong();
    private volatile double probeSeconds;
    private volatile String kvmState = "";
    private volatile boolean published;

    void requested() {
        requests.incrementAndGet();
    }

    void failed() {
        failures.incrementAndGet();
    }

    void written() {
        writes.incrementAndGet();
    }

    void probed(double seconds, String state) {
        probes.incrementAndGet();
        probeSeconds = seconds;
        kvmState = state;
    }

    void proved(boolean accepts) {
        (accepts ? accepted : refused).incrementAndGet();
    }

    void published(boolean now) {
        published = now;
    }

    /** Whether what the agent last found is in the cluster. */
    boolean isPublished() {
        return published;
    }

    /** Writes to the API server so far. */
    public long writes() {
        return writes.get();
    }

    /** All of it, for Prometheus to read. */
    public String exposition() {
        StringBuilder text = new StringBuilder(1024);
        line(text, "vmabi_agent_api_requests_total", "counter", "Requests to the API server.", requests.get());
        line(text, "vmabi_agent_api_failures_total", "counter", "Rounds that an API error ended.", failures.get());
        line(text, "vmabi_agent_writes_total", "counter", "Objects applied.", writes.get());
        line(text, "vmabi_agent_probes_total", "counter", "Probes of the host.", probes.get());
        line(text, "vmabi_agent_probe_seconds", "gauge", "Duration of the last probe.", probeSeconds);
        line(text, "vmabi_agent_published", "gauge", "1 if the last findings are published.", published ? 1 : 0);
        text.append("# HELP vmabi_agent_proofs_total Guest ABIs written to a scratch VM.\n");
        text.append("# TYPE vmabi_agent_proofs_total counter\n");
        text.append("vmabi_agent_proofs_total{result=\"accepted\"} ")
                .append(accepted)
                .append('\n');
        text.append("vmabi_agent_proofs_total{result=\"refused\"} ")
                .append(refused)
                .append('\n');
        text.append("# HELP vmabi_agent_kvm State of KVM on this host.\n# TYPE vmabi_agent_kvm gauge\n");
        text.append("vmabi_agent_kvm{state=\"").append(kvmState).append("\"} 1\n");
        return text.toString();
    }

    private static void line(StringBuilder text, String name, String type, String help, Number value) {
        text.append("# HELP ").append(name).append(' ').append(help).append('\n');
        text.append("# TYPE ").append(name).append(' ').append(type).append('\n');
        text.append(name).append(' ').append(value).append('\n');
    }
}
