package dev.vmabi.cli;

import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.Verdicts;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Locale;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import picocli.CommandLine.Option;

/** The cluster that kubectl would talk to. */
class ClusterAccess {
    private static final int REQUEST_TIMEOUT_MILLIS = 30_000;
    private static final int CONNECTION_TIMEOUT_MILLIS = 5_000;

    @Option(names = "--kubeconfig", paramLabel = "FILE", description = "Kubeconfig file (default: as kubectl).")
    private Path kubeconfig;

    @Option(names = "--context", paramLabel = "NAME", description = "Context of the kubeconfig (default: its current).")
    private String context;

    @Option(
            names = {"-n", "--namespace"},
            paramLabel = "NAME",
            description = "Namespace of a VM that is named without one (default: that of the context).")
    private String namespace;

    /** The fleet as the cluster has it now, and the namespace that names without one are of. */
    record View(Fleet fleet, String namespace) {

        /**
         * A policy.
         *
         * @throws InputException if there is none of that name
         */
        Policy policy(String name) {
            return fleet.policy(name)
                    .orElseThrow(() -> new InputException("there is no VirtualMachineABI " + Keys.shown(name)
                            + among(fleet.state().policies().stream()
                                    .map(Policy::name)
                                    .collect(Collectors.toCollection(TreeSet::new)))));
        }

        private static String among(TreeSet<String> names) {
            return names.isEmpty() ? "; there are none at all" : "; there are " + String.join(", ", names);
        }
    }

    /**
     * Reads the cluster.
     *
     * @throws InputException if it cannot be reached or read
     */
    View view() {
        return with(client -> {
            ClusterReader reader = new ClusterReader(client);
            try (Progress _ = Progress.of("reading the cluster")) {
                String own = Optional.ofNullable(namespace)
                        .or(() -> Optional.ofNullable(client.getNamespace()))
                        .orElse("default");
                return new View(new Fleet(reader.read(), new Verdicts()), own);
            }
        });
    }

    /** Writes {@code spec.raise.approve} of a policy. */
    void approve(String policy, String digest) {
        with(client -> new ClusterReader(client)
                .own("VirtualMachineABI", "virtualmachineabis")
                .withName(policy)
                .patch(
                        new PatchContext.Builder()
                                .withPatchType(PatchType.JSON_MERGE)
                                .withFieldManager("kubectl-vmabi")
                                .build(),
                        "{\"spec\":{\"raise\":{\"approve\":\"" + digest + "\"}}}"));
    }

    /** Reads what a maintainer needs to see. */
    SupportBundle.Collected supportBundle(Instant now) {
        return with(client -> {
            try (Progress _ = Progress.of("reading the cluster")) {
                return SupportBundle.of(client, now);
            }
        });
    }

    private <T> T with(Function<KubernetesClient, T> action) {
        Config config = config();
        try (KubernetesClient client =
                new KubernetesClientBuilder().withConfig(config).build()) {
            return action.apply(client);
        } catch (KubernetesClientException e) {
            throw new InputException(said(e, config.getMasterUrl()), e);
        }
    }

    private Config config() {
        Config config;
        if (kubeconfig != null && !Files.isReadable(kubeconfig)) {
            throw new InputException("--kubeconfig " + kubeconfig + ": no such file, or not readable");
        }
        try {
            config = kubeconfig == null
                    ? Config.autoConfigure(context)
                    : Config.fromKubeconfig(context, kubeconfig.toFile());
        } catch (KubernetesClientException e) {
            throw new InputException("the kubeconfig cannot be used: " + e.getMessage(), e);
        }
        if (config.getCurrentContext() == null && System.getenv("KUBERNETES_SERVICE_HOST") == null) {
            throw new InputException(
                    "there is no kubeconfig" + (context == null ? "" : " with context " + Keys.shown(context))
                            + ": set KUBECONFIG, or name one with --kubeconfig");
        }
        return new ConfigBuilder(config)
                .withConnectionTimeout(CONNECTION_TIMEOUT_MILLIS)
                .withRequestTimeout(REQUEST_TIMEOUT_MILLIS)
                .withRequestRetryBackoffLimit(0)
                .build();
    }

    private static String said(KubernetesClientException e, String server) {
        return switch (e.getCode()) {
            case 401 -> server + " does not know who you are; log in again, or name another --context";
            case 403 ->
                e.getMessage().lines().findFirst().orElse("forbidden")
                        + "; ask for the ClusterRole vmabi-view, or vmabi-edit to approve a raise";
            case 404 -> server + " does not serve VirtualMachineABIs; install the project's definitions first";
            case 409, 422 -> e.getMessage();
            default -> {
                Throwable root = e;
                while (root.getCause() != null) {
                    root = root.getCause();
                }
                String why = root.getMessage() == null
                        ? root.getClass().getSimpleName().toLowerCase(Locale.ROOT)
                        : root.getMessage();
                yield "cannot read from " + server + ": " + why
                        + "; is it the cluster you mean (--context, --kubeconfig)?";
            }
        };
    }
}
