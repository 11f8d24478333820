package dev.vmabi.operator;

import io.javaoperatorsdk.operator.api.config.LeaderElectionConfiguration;
import io.javaoperatorsdk.operator.api.config.LeaderElectionConfigurationBuilder;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Produces;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** What the operator is put together from beside its own classes. */
@ApplicationScoped
public class Application {

    @Produces
    @ApplicationScoped
    Clock clock() {
        return Clock.systemUTC();
    }

    /** Only the holder of the lease writes; every replica admits. */
    @Produces
    @ApplicationScoped
    LeaderElectionConfiguration leaderElection(
            @ConfigProperty(name = "vmabi.namespace") Optional<String> namespace,
            @ConfigProperty(name = "vmabi.identity") Optional<String> identity) {
        LeaderElectionConfigurationBuilder builder = LeaderElectionConfigurationBuilder.aLeaderElectionConfiguration(
                        "vmabi-operator")
                .withLeaseDuration(Duration.ofSeconds(15))
                .withRenewDeadline(Duration.ofSeconds(10))
                .withRetryPeriod(Duration.ofSeconds(2));
        namespace.ifPresent(builder::withLeaseNamespace);
        identity.ifPresent(builder::withIdentity);
        return builder.build();
    }
}
