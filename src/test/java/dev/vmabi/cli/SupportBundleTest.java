package dev.vmabi.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmabi.api.Names;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** {@code vmabi support-bundle} on an API server. */
class SupportBundleTest {
    private static final String OBJECTS = """
            apiVersion: v1
            kind: Node
            metadata:
              name: n1
              annotations: {note: classified}
              labels: {kubernetes.io/arch: arm64, example.com/pool: a, example.com/owner: classified,
                vmabi.node-restriction.kubernetes.io/12a29ae87c256c9e: "true"}
            ---
            apiVersion: v1
            kind: Secret
            metadata: {name: s, namespace: default}
            stringData: {password: classified}
            ---
            apiVersion: vmabi.dev/v1alpha1
            kind: VirtualMachineABI
            metadata: {name: a, annotations: {note: classified}}
            spec: {nodeSelector: {matchLabels: {example.com/pool: a}}}
            ---
            apiVersion: kubevirt.io/v1
            kind: VirtualMachineInstance
            metadata:
              name: web
              namespace: default
              labels: {vmabi.dev/guest-abi: 12a29ae87c256c9e, tenant: classified}
              annotations: {vmabi.dev/clamp: psci=1.1, password: classified}
            spec:
              architecture: arm64
              domain: {cpu: {features: [{name: sve, policy: disable}]}, devices: {}}
              volumes: [{name: c, cloudInitNoCloud: {userData: classified}}]
            status: {phase: Running, nodeName: n1}
            ---
            apiVersion: events.k8s.io/v1
            kind: Event
            metadata: {name: web.1, namespace: default, labels: {app.kubernetes.io/managed-by: vmabi-operator}}
            eventTime: "2026-11-22T12:00:00.000000Z"
            reportingController: vmabi.dev/operator
            reportingInstance: vmabi-operator-0
            action: MigrationDenied
            reason: MigrationDenied
            type: Warning
            note: has no other node to go to
            regarding: {apiVersion: kubevirt.io/v1, kind: VirtualMachineInstance, namespace: default, name: web}
            ---
            apiVersion: events.k8s.io/v1
            kind: Event
            metadata: {name: other.1, namespace: default}
            eventTime: "2026-11-22T12:00:00.000000Z"
            reportingController: example.com/other
            reportingInstance: other-0
            action: Other
            reason: Other
            type: Normal
            note: classified
            regarding: {apiVersion: v1, kind: Pod, namespace: default, name: web}
            """;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir
    private Path directory;

    private int run(String... arguments) {
        CommandLine line = VmAbi.commandLine();
        line.setOut(new PrintWriter(out, true));
        line.setErr(new PrintWriter(err, true));
        return line.execute(arguments);
    }

    /** The files of an archive, below its one directory. */
    private static Map<String, String> files(Path archive) throws IOException {
        Map<String, String> files = new TreeMap<>();
        try (TarArchiveInputStream tar =
                new TarArchiveInputStream(new GZIPInputStream(Files.newInputStream(archive)))) {
            for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                assertThat(entry.getName()).startsWith("vmabi-support-");
                files.put(
                        entry.getName().substring(entry.getName().indexOf('/') + 1),
                        new String(tar.readAllBytes(), StandardCharsets.UTF_8));
            }
        }
        return files;
    }

    @Test
    void holdsWhatDecisionsGoByAndNothingThatIsNobodysBusiness() throws IOException {
        Path archive = directory.resolve("bundle.tar.gz");
        try (ApiServer server = ApiServers.start();
                KubernetesClient admin = server.client()) {
            new DemoCluster(admin).install();
            admin.load(new ByteArrayInputStream(OBJECTS.getBytes(StandardCharsets.UTF_8)))
                    .create();
            String kubeconfig = server.kubeconfig().toString();
            assertThat(run("support-bundle", "-f", archive.toString(), "--kubeconfig", kubeconfig))
                    .as(err.toString())
                    .isZero();
            assertThat(out).hasToString("wrote " + archive + ": 9 files\n");
            assertThat(run("support-bundle", "-f", archive.toString(), "--kubeconfig", kubeconfig))
                    .as("it overwrites nothing")
                    .isEqualTo(VmAbi.BAD_INPUT);
        }
        Map<String, String> files = files(archive);
        assertThat(files)
                .containsOnlyKeys(
                        "about.json",
                        "virtualmachineabis.json",
                        "nodeabis.json",
                        "abiprofiles.json",
                        "guestabis.json",
                        "nodes.json",
                        "virtualmachineinstances.json",
                        "virtualmachineinstancemigrations.json",
                        "events.json");
        assertThat(files.values())
                .allSatisfy(text -> assertThat(text).doesNotContain("classified", "managedFields", "password"));

        assertThat(json(files, "about.json").path("kubernetes").asText()).startsWith("v1.");
        assertThat(json(files, "virtualmachineabis.json").at("/0/spec/nodeSelector/matchLabels/example.com~1pool"))
                .hasToString("\"a\"");
        JsonNode node = json(files, "nodes.json").path(0);
        assertThat(node.path("name").asText()).isEqualTo("n1");
        assertThat(node.path("labels").propertyStream().map(Map.Entry::getKey))
                .containsExactlyInAnyOrder(
                        "kubernetes.io/arch", "example.com/pool", Names.NODE_LABEL_PREFIX + "12a29ae87c256c9e");
        JsonNode vm = json(files, "virtualmachineinstances.json").path(0);
        assertThat(vm.path("name").asText()).isEqualTo("web");
        assertThat(vm.path("node").asText()).isEqualTo("n1");
        assertThat(vm.path("stampLabel").asText()).isEqualTo("12a29ae87c256c9e");
        assertThat(vm.path("clamp").asText()).isEqualTo("psci=1.1");
        assertThat(vm.at("/cpuFeatures/0/name").asText()).isEqualTo("sve");
        assertThat(json(files, "events.json"))
                .singleElement()
                .satisfies(e -> assertThat(e.path("reason").asText()).isEqualTo("MigrationDenied"));
    }

    @Test
    void whatCannotBeReadIsLeftOutAndNamed() throws IOException {
        Path archive = directory.resolve("bundle.tar.gz");
        try (ApiServer server = ApiServers.start()) {
            assertThat(run(
                            "support-bundle",
                            "-f",
                            archive.toString(),
                            "--kubeconfig",
                            server.kubeconfig().toString()))
                    .as("the project's definitions are not there")
                    .isEqualTo(VmAbi.REFUSED);
        }
        Map<String, String> files = files(archive);
        assertThat(files).containsKeys("nodes.json", "missing.txt").doesNotContainKey("virtualmachineabis.json");
        assertThat(files.get("missing.txt").lines()).hasSize(4).allMatch(l -> l.contains(".json: "));
        assertThat(err.toString().lines()).hasSize(4).allMatch(l -> l.startsWith("vmabi: left out: "));
    }

    private static JsonNode json(Map<String, String> files, String name) throws IOException {
        return new ObjectMapper().readTree(files.get(name));
    }
}
