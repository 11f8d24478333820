package dev.vmabi.agent;

import dev.vmabi.kvm.LinuxKernel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** {@code main} of the node agent. */
public final class Agent {

    private static final String USAGE = """
            usage: vmabi-agent [--node NAME] [--kubeconfig FILE] [--listen [HOST:]PORT]
              --node        name of this node (default: NODE_NAME of the environment)
              --kubeconfig  how to reach the API server (default: as a pod of the cluster)
              --listen      address of /healthz, /readyz and /metrics (default: 8080)""";

    private Agent() {}

    /** Runs until SIGTERM; SIGHUP probes again. Exits with 2 if it is started wrongly. */
    public static void main(String[] arguments) throws IOException {
        // Without a request that is due, the JDK's HTTP client wakes up every three seconds; this is the most it
        // allows.
        System.setProperty("jdk.internal.httpclient.selectorTimeout", "1200000");
        Options options;
        Cluster cluster;
        try {
            options = Options.parse(arguments, System.getenv());
            cluster = options.kubeconfig().map(Cluster::kubeconfig).orElseGet(() -> Cluster.inPod(System.getenv()));
        } catch (IllegalArgumentException e) {
            System.err.println("vmabi-agent: " + e.getMessage() + "\n" + USAGE);
            System.exit(2);
            return;
        }
        Log log = Log.onStandardOutput(options.node());
        Metrics metrics = new Metrics();
        NodeAgent agent = new NodeAgent(
                options.node(),
                version(),
                new KvmHost(new LinuxKernel()),
                new ApiClient(cluster, metrics),
                metrics,
                log);
        Thread self = Thread.currentThread();
        Hangup.handle(agent::probeAgain);
        Runtime.getRuntime().addShutdownHook(new Thread(agent::stop, "vmabi-stop"));
        try (StatusServer status = new StatusServer(options.listen(), metrics, self::isAlive)) {
            log.info("version=" + version() + " server=" + cluster.server() + " listening=" + status.address());
            agent.run();
        }
    }

    /** Of the jar this class came in. */
    static String version() {
        return Optional.ofNullable(Agent.class.getPackage().getImplementationVersion())
                .orElse("development");
    }

    /** The command line. */
    record Options(String node, Optional<Path> kubeconfig, InetSocketAddress listen) {

        private static final int PORT = 8080;

        /**
         * Reads the command line.
         *
         * @throws IllegalArgumentException naming what is wrong
         */
        static Options parse(String[] arguments, Map<String, String> environment) {
            String node = environment.getOrDefault("NODE_NAME", "");
            Optional<Path> kubeconfig = Optional.empty();
            InetSocketAddress listen = new InetSocketAddress(PORT);
            for (int i = 0; i < arguments.length; i += 2) {
                String option = arguments[i];
                if (i + 1 == arguments.length) {
                    throw new IllegalArgumentException(option + " needs a value");
                }
                String value = arguments[i + 1];
                switch (option) {
                    case "--node" -> node = value;
                    case "--kubeconfig" -> kubeconfig = Optional.of(Path.of(value));
                    case "--listen" -> listen = address(value);
                    default -> throw new IllegalArgumentException("unknown option " + option);
                }
            }
            if (node.isBlank()) {
                throw new IllegalArgumentException("the node's name is missing: give --node or set NODE_NAME");
            }
            return new Options(node, kubeconfig, listen);
        }

        private static InetSocketAddress address(String text) {
            int colon = text.lastIndexOf(':');
            try {
                int port = Integer.parseInt(text.substring(colon + 1));
                return colon <= 0 ? new InetSocketAddress(port) : new InetSocketAddress(text.substring(0, colon), port);
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("--listen \"" + text + "\" is not [HOST:]PORT", e);
            }
        }
    }
}
