package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.api.Names;
import dev.vmabi.cli.VmAbi;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.demo.OperatorProcess;
import dev.vmabi.devserver.User;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/**
 * What the shipped operator tells of itself: no floods, no secrets, and traces and a recording of what it decided where
 * they are switched on.
 */
class LogsAndTracesIT {
    @Test
    void spansNamePolicyNodeAndVmAndTheRecordingComesOutTheSame() throws IOException {
        try (OtlpReceiver receiver = new OtlpReceiver();
                OperatedCluster cluster = new OperatedCluster()) {
            DemoCluster install = new DemoCluster(cluster.client);
            install.installKubeVirt();
            OperatorProcess operator = cluster.operator(
                    "traced",
                    Map.of(
                            "quarkus.otel.sdk.disabled", "false",
                            "quarkus.otel.exporter.otlp.endpoint",
                                    receiver.url().toString(),
                            "quarkus.otel.bsp.schedule.delay", "200ms",
                            "vmabi.flight-recorder.size", "5000"));
            install.gate(operator.gatePort());
            cluster.nodes.join("a", "a57", "linux-6.12-cortex-a57");
            cluster.applyPolicy("a57");
            HasMetadata vmi = OperatedCluster.kubeVirt(
                    "VirtualMachineInstance",
                    "web",
                    Map.of(
                            "spec", Map.of("architecture", "arm64", "domain", Map.of("devices", Map.of())),
                            "status", Map.of("phase", "Running", "nodeName", "a")));
            cluster.client.resource(vmi).create();
            cluster.await(() -> assertThat(
                            cluster.client.resource(vmi).get().getMetadata().getLabels())
                    .containsKey(Names.STAMP));
            cluster.await(() -> {
                try {
                    cluster.client
                            .resource(OperatedCluster.kubeVirt(
                                    "VirtualMachineInstanceMigration",
                                    "web-1",
                                    Map.of("spec", Map.of("vmiName", "web"))))
                            .create();
                } catch (KubernetesClientException denied) {
                    assertThat(denied.getMessage()).contains("has no other node to go to");
                    return;
                }
                throw new AssertionError("a move with nowhere to go was not denied");
            });

            cluster.await(() -> {
                List<OtlpReceiver.Span> spans = receiver.spans();
                assertThat(spans).allSatisfy(s -> assertThat(s.service()).isEqualTo("vmabi"));
                assertThat(spans).anySatisfy(s -> {
                    assertThat(s.name()).isEqualTo("reconcile policy");
                    assertThat(s.attributes()).containsEntry("vmabi.policy", "a57");
                    assertThat(s.events().get("write")).contains("VirtualMachineInstance", "default/web");
                });
                assertThat(spans).anySatisfy(s -> {
                    assertThat(s.name()).isEqualTo("reconcile node");
                    assertThat(s.attributes()).containsEntry("k8s.node.name", "a");
                    assertThat(s.events().get("write")).contains("Node");
                });
                assertThat(spans).anySatisfy(s -> {
                    assertThat(s.name()).isEqualTo("admission migration");
                    assertThat(s.attributes())
                            .containsEntry("vmabi.verdict", "deny")
                            .containsEntry("vmabi.reason", "Nowhere")
                            .containsEntry("vmabi.policy", "a57")
                            .containsEntry("vmabi.vm", "web")
                            .containsEntry("k8s.namespace.name", "default")
                            .containsEntry("k8s.node.name", "a");
                });
            });
            assertThat(receiver.spans())
                    .as("nothing but the operator's own work is traced")
                    .allMatch(s -> s.name().startsWith("reconcile ") || s.name().startsWith("admission "));
            assertThat(operator.threads()).anyMatch(t -> t.startsWith("BatchSpan"));
            cluster.settle();
            String recording = operator.flightRecording();
            assertThat(replay(recording))
                    .contains("policy a57", "node a", "1 stamps", " 0 come out otherwise")
                    .doesNotContain("otherwise: ");
            assertThat(replay(recording.replaceFirst("\"accepting\":1", "\"accepting\":7")))
                    .contains("otherwise: status.nodes.accepting was 7, is 1", " 1 come out otherwise");
        }
    }

    @Test
    void byDefaultThereIsNoTraceNoFloodAndNoSecret() throws IOException {
        int bad = 100;
        try (OperatedCluster cluster = new OperatedCluster()) {
            new DemoCluster(cluster.client).installKubeVirt();
            for (int i = 0; i < bad; i++) {
                HasMetadata wrong = OperatedCluster.kubeVirt(
                        "VirtualMachineInstance",
                        "bad-" + i,
                        Map.of("status", Map.of("phase", "Running", "nodeName", i)));
                cluster.client.resource(wrong).create();
            }
            OperatorProcess operator = cluster.operator("plain");
            assertThat(operator.threads())
                    .isNotEmpty()
                    .noneMatch(t -> t.contains("Span") || t.contains("otel") || t.contains("otlp"));
            assertThat(operator.metrics()).as("no span leaves its id").doesNotContain("span_id");
            cluster.await(() -> assertThat(read(operator.log())).contains("bad-"));
            cluster.settle();
            String log = Files.readString(operator.log());
            assertThat(log.lines().filter(l -> l.contains("is left out")))
                    .as("of %s objects that cannot be read", bad)
                    .hasSize(FloodGuard.MOST);
            User self = User.serviceAccount("vmabi-system", "vmabi-operator");
            assertThat(log).doesNotContain(cluster.server.token(self), "PRIVATE KEY", "Bearer ");
        }
    }

    /** What {@code vmabi replay} says of a recording. */
    private static String replay(String recording) throws IOException {
        Path file = Files.createTempFile("recording", ".json");
        StringWriter out = new StringWriter();
        CommandLine line = VmAbi.commandLine();
        line.setOut(new PrintWriter(out, true));
        line.setErr(new PrintWriter(out, true));
        try {
            int code = line.execute("replay", Files.writeString(file, recording).toString());
            assertThat(code).isEqualTo(out.toString().contains("otherwise: ") ? 1 : 0);
        } finally {
            Files.delete(file);
        }
        return out.toString();
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
