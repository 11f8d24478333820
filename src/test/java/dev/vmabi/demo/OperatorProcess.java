package dev.vmabi.demo;

import dev.vmabi.devserver.FreePort;
import dev.vmabi.devserver.Signal;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;

/** The operator as it ships, in a process of its own. */
public final class OperatorProcess implements AutoCloseable {
    private static final Path RUNNER = Path.of("target/quarkus-app/quarkus-run.jar");
    /** Which code the second compiler compiles. */
    public static final Path COMPILERS = Path.of("src/main/images/operator-compilers.json");

    private static final int HEAP_MIB = 128;

    private final Process process;
    private final HttpClient http = HttpClient.newHttpClient();
    private final int httpPort;
    private final int gatePort;
    private final int webPort;
    private final Path log;
    private final Instant started = Instant.now();

    /** Starts one; {@code settings} are configuration properties that override those of the demonstration. */
    public OperatorProcess(Path kubeconfig, Path directory, String identity, Map<String, String> settings) {
        this(kubeconfig, directory, identity, settings, HEAP_MIB);
    }

    /** Starts one with another heap than that for a few dozen nodes. */
    public OperatorProcess(
            Path kubeconfig, Path directory, String identity, Map<String, String> settings, int heapMiB) {
        this(kubeconfig, directory, identity, settings, heapMiB, Map.of());
    }

    /** Starts one in an environment of its own. */
    public OperatorProcess(
            Path kubeconfig,
            Path directory,
            String identity,
            Map<String, String> settings,
            int heapMiB,
            Map<String, String> environment) {
        httpPort = FreePort.next();
        gatePort = FreePort.next();
        webPort = FreePort.next();
        log = directory.resolve(identity + ".log");
        List<String> command = java(heapMiB);
        command.add("-Dquarkus.http.host=127.0.0.1");
        command.add("-Dquarkus.http.port=" + httpPort);
        command.add("-Dquarkus.log.console.json.enabled=false");
        command.add("-Dvmabi.namespace=vmabi-system");
        command.add("-Dvmabi.identity=" + identity);
        command.add("-Dvmabi.gate.port=" + gatePort);
        command.add("-Dvmabi.gate.hosts=127.0.0.1");
        command.add("-Dvmabi.web.port=" + webPort);
        settings.forEach((key, value) -> command.add("-D" + key + "=" + value));
        command.add("-jar");
        command.add(RUNNER.toString());
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
        builder.environment().put("MALLOC_ARENA_MAX", "1");
        builder.environment().putAll(environment);
        builder.environment().put("KUBECONFIG", kubeconfig.toString());
        try {
            process = builder.start();
        } catch (IOException e) {
            throw new UncheckedIOException("the operator did not start", e);
        }
    }

    /**
     * The flags of its JVM, here as in the image; beside the heap it needs up to 180 MiB (docs/performance.md).
     *
     * @param compilers where {@link #COMPILERS} is
     */
    public static List<String> flags(Path compilers) {
        return List.of(
                "-XX:+UseSerialGC",
                "-XX:NewRatio=4",
                "-XX:+UseCompactObjectHeaders",
                "-XX:TrimNativeHeapInterval=5000",
                "-XX:ReservedCodeCacheSize=64m",
                "-XX:+UnlockDiagnosticVMOptions",
                "-XX:CompilerDirectivesFile=" + compilers,
                "-Xss256k");
    }

    /** This Java, with the flags that the operator has in its image. */
    public static List<String> java(int heapMiB) {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElse("java"));
        command.addAll(flags(COMPILERS));
        command.add("-Xmx" + heapMiB + "m");
        return command;
    }

    /** Whether it has read the whole fleet. */
    public boolean ready() {
        if (!process.isAlive()) {
            throw new IllegalStateException("the operator ended with " + process.exitValue() + "; its log:\n" + tail());
        }
        try {
            return get("/q/health/ready").statusCode() == 200;
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Waits until it has read the whole fleet and serves.
     *
     * @throws IllegalStateException with the end of its log, if it does not or ends
     */
    public void awaitReady(Duration patience) {
        try {
            Awaitility.await().atMost(patience).until(this::ready);
        } catch (ConditionTimeoutException e) {
            throw new IllegalStateException(
                    "the operator is not ready after " + patience.toSeconds() + " s; its log:\n" + tail(), e);
        }
    }

    /** What it exposes to Prometheus. */
    public String metrics() {
        try {
            return get("/metrics").body();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What it decided of late, as {@code vmabi replay} takes it. */
    public String flightRecording() {
        try {
            return get("/flight-recording").body();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private HttpResponse<String> get(String path) throws IOException {
        try {
            return http.send(
                    HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + httpPort + path))
                            .timeout(Duration.ofSeconds(5))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    public URI url() {
        return URI.create("http://127.0.0.1:" + httpPort);
    }

    /** The page. */
    public URI page() {
        return URI.create("http://127.0.0.1:" + webPort + "/");
    }

    public int gatePort() {
        return gatePort;
    }

    public Instant started() {
        return started;
    }

    public Path log() {
        return log;
    }

    /** Resident memory in MiB, as Linux counts it. */
    public long residentMiB() {
        return statusMiB("VmRSS:");
    }

    /** The most memory that it has had resident since its start. */
    public long peakMiB() {
        return statusMiB("VmHWM:");
    }

    private long statusMiB(String line) {
        try {
            return Files.readAllLines(Path.of("/proc/" + process.pid() + "/status")).stream()
                    .filter(l -> l.startsWith(line))
                    .mapToLong(l -> Long.parseLong(l.replaceAll("[^0-9]", "")) / 1024)
                    .findFirst()
                    .orElse(0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Processor time that it has used so far. */
    public Duration cpu() {
        return process.info().totalCpuDuration().orElse(Duration.ZERO);
    }

    /** The names of its threads, of which Linux keeps 15 characters. */
    public List<String> threads() {
        try (Stream<Path> tasks = Files.list(Path.of("/proc/" + process.pid() + "/task"))) {
            List<String> names = new ArrayList<>();
            for (Path task : tasks.toList()) {
                names.add(Files.readString(task.resolve("comm")).strip());
            }
            return names;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The last lines of its log. */
    public String tail() {
        try {
            List<String> lines = Files.readAllLines(log);
            return String.join("\n", lines.subList(Math.max(0, lines.size() - 30), lines.size()));
        } catch (IOException e) {
            return "no log: " + e.getMessage();
        }
    }

    public boolean alive() {
        return process.isAlive();
    }

    /** Stops it where it stands, as a machine does that is frozen: it does not know, its connections stay. */
    public void freeze() {
        Signal.STOP.send(process);
    }

    public void thaw() {
        Signal.CONT.send(process);
    }

    /** Kills it, as a node that goes down would: nothing is written any more, and the lease is not given up. */
    public void kill() {
        try {
            process.destroyForcibly().waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(15, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            process.destroyForcibly();
        }
    }
}
