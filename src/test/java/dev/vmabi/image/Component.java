package dev.vmabi.image;

import static dev.vmabi.demo.OperatorProcess.COMPILERS;

import dev.vmabi.demo.OperatorProcess;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * What an image is made for.
 *
 * @param repository name of the image, as in the chart's values
 * @param application what the build made: jars, and for the operator their index
 * @param modules of the JDK that its runtime has
 * @param arguments of java
 */
record Component(
        String repository,
        String description,
        Path application,
        List<String> modules,
        List<String> arguments,
        List<Integer> ports) {

    /** Also has the command line: {@code java @/opt/vmabi/vmabi}. */
    static final Component OPERATOR = new Component(
            "vmabi-operator",
            "Pins the guest ABI of arm64 VM fleets: operator, admission gate and command line",
            Path.of("target/quarkus-app"),
            List.of(
                    "java.base",
                    "java.logging",
                    "java.management",
                    "java.naming",
                    "java.net.http",
                    "java.rmi",
                    "java.sql",
                    "java.xml",
                    "jdk.crypto.ec",
                    "jdk.httpserver",
                    "jdk.management",
                    "jdk.net",
                    "jdk.unsupported",
                    "jdk.zipfs"),
            Stream.concat(
                            OperatorProcess.flags(Path.of("/opt/vmabi").resolve(COMPILERS.getFileName())).stream(),
                            Stream.of(
                                    "-XX:MaxRAMPercentage=33",
                                    "-XX:+ExitOnOutOfMemoryError",
                                    "-jar",
                                    "/opt/vmabi/quarkus-run.jar"))
                    .toList(),
            List.of(8080, 8443));

    /** Flags: docs/agent.md. */
    static final Component AGENT = new Component(
            "vmabi-agent",
            "Reads what an arm64 node's KVM shows a guest, and proves what it takes",
            Path.of("target/agent"),
            List.of(
                    "java.base",
                    "java.logging",
                    "java.management",
                    "java.net.http",
                    "jdk.crypto.ec",
                    "jdk.unsupported"),
            List.of(
                    "-XX:+UseSerialGC",
                    "-Xms2m",
                    "-Xmx16m",
                    "-Xmn1m",
                    "-XX:MinHeapFreeRatio=5",
                    "-XX:MaxHeapFreeRatio=10",
                    "-XX:-ShrinkHeapInSteps",
                    "-XX:TieredStopAtLevel=1",
                    "-XX:CompileThresholdScaling=20",
                    "-XX:StringTableSize=4096",
                    "-Xss256k",
                    "-XX:-UsePerfData",
                    "-XX:+UnlockDiagnosticVMOptions",
                    "-XX:ServiceThreadCleanupInterval=3600000",
                    "-XX:AsyncDeflationInterval=3600000",
                    "-XX:GuaranteedAsyncDeflationInterval=0",
                    "-jar",
                    "/opt/vmabi/vmabi-agent.jar"),
            List.of(8080));

    static final List<Component> ALL = List.of(OPERATOR, AGENT);
}
