package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.devserver.DevServer;
import io.fabric8.kubernetes.api.model.coordination.v1.Lease;
import io.fabric8.kubernetes.api.model.coordination.v1.LeaseBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderCallbacks;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElectionConfig;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElector;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaseLock;
import io.fabric8.kubernetes.client.http.BasicBuilder;
import io.fabric8.kubernetes.client.http.HttpRequest;
import io.fabric8.kubernetes.client.http.Interceptor;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/** Fabric8's own elector, and a replica that holds the lease and whose clock is two hours behind, at last two hours ahead. */
class ObservedLeaseTest {
    private static final Duration LASTS = Duration.ofSeconds(15);
    private static final Duration TRIES_AGAIN = Duration.ofMillis(20);

    private final AtomicLong passed = new AtomicLong(Long.MAX_VALUE - 1_000);
    private final AtomicInteger tries = new AtomicInteger();

    private final AtomicInteger leads = new AtomicInteger();
    private final AtomicBoolean takenMeanwhile = new AtomicBoolean();

    @Test
    void aLeaseIsTakenOnceItHasNotChangedForItsDurationWhateverTheClocksSay() {
        elect("other", other -> {
            for (int i = 1; i <= 3; i++) {
                awaitTries();
                passed.addAndGet(LASTS.minusSeconds(10).toNanos());
                awaitTries();
                assertThat(holder(other)).isEqualTo("other");
                renew(other, "other", i, i == 3 ? 2 : -2);
            }
            awaitTries();
            passed.addAndGet(LASTS.plusSeconds(1).toNanos());
            awaitHolder(other, "own");
        });
    }

    @Test
    void aProcessThatIsStartedAnewTakesItsLeaseAtOnce() {
        elect("own", _ -> Awaitility.await().atMost(Duration.ofMinutes(1)).until(() -> leads.get() == 1));
    }

    /** The elector reads its name in a lease that another replica takes before it is renewed. */
    @Test
    void aProcessThatIsStartedAnewDoesNotLeadBeforeItHasTheLease() {
        takenMeanwhile.set(true);
        elect("own", other -> {
            awaitHolder(other, "other");
            awaitTries();
            assertThat(leads).hasValue(0);
            passed.addAndGet(LASTS.plusSeconds(1).toNanos());
            awaitHolder(other, "own");
            Awaitility.await().atMost(Duration.ofMinutes(1)).until(() -> leads.get() == 1);
        });
    }

    /** Lets an elector of the name {@code own} begin with a lease of this holder. */
    private void elect(String holder, Consumer<KubernetesClient> story) {
        try (DevServer server = DevServer.start();
                KubernetesClient other = server.client();
                KubernetesClient own = new KubernetesClientBuilder()
                        .withConfig(other.getConfiguration())
                        .withHttpClientBuilderConsumer(http -> http.addOrReplaceInterceptor(
                                        "lease", new ObservedLease("lease", "own", passed::get))
                                .addOrReplaceInterceptor("tries", new Counting(other)))
                        .build();
                ExecutorService executor = Executors.newCachedThreadPool()) {
            renew(other, holder, 0, -2);
            CompletableFuture<?> election = new LeaderElector(
                            own,
                            new LeaderElectionConfig(
                                    new LeaseLock("default", "lease", "own"),
                                    LASTS,
                                    Duration.ofSeconds(10),
                                    TRIES_AGAIN,
                                    new LeaderCallbacks(leads::incrementAndGet, () -> {}, _ -> {}),
                                    false,
                                    "lease"),
                            executor)
                    .start();
            story.accept(other);
            election.cancel(true);
        }
    }

    private final class Counting implements Interceptor {
        private final KubernetesClient other;

        Counting(KubernetesClient other) {
            this.other = other;
        }

        @Override
        public void before(BasicBuilder builder, HttpRequest request, RequestTags tags) {
            if (request.method().equals("GET")) {
                tries.incrementAndGet();
            } else if (takenMeanwhile.compareAndSet(true, false)) {
                renew(other, "other", 1, 0);
            }
        }
    }

    private static void awaitHolder(KubernetesClient client, String holder) {
        Awaitility.await()
                .atMost(Duration.ofMinutes(1))
                .until(() -> holder(client).equals(holder));
    }

    /** Until one has begun and ended. */
    private void awaitTries() {
        int before = tries.get();
        Awaitility.await().atMost(Duration.ofMinutes(1)).until(() -> tries.get() >= before + 2);
    }

    private static String holder(KubernetesClient client) {
        return client.leases()
                .inNamespace("default")
                .withName("lease")
                .get()
                .getSpec()
                .getHolderIdentity();
    }

    /** As one does whose clock is so many hours ahead. */
    private static void renew(KubernetesClient client, String holder, int transitions, int ahead) {
        Lease _ = client.resource(new LeaseBuilder()
                        .withNewMetadata()
                        .withNamespace("default")
                        .withName("lease")
                        .endMetadata()
                        .withNewSpec()
                        .withHolderIdentity(holder)
                        .withLeaseDurationSeconds((int) LASTS.toSeconds())
                        .withAcquireTime(ZonedDateTime.now(ZoneOffset.UTC).plusHours(ahead))
                        .withRenewTime(ZonedDateTime.now(ZoneOffset.UTC).plusHours(ahead))
                        .withLeaseTransitions(transitions)
                        .endSpec()
                        .build())
                .serverSideApply();
    }
}
