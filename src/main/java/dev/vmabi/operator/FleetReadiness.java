package dev.vmabi.operator;

import jakarta.enterprise.context.ApplicationScoped;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;

/** Ready once the whole fleet has been read: before that the gate could only guess. */
@Readiness
@ApplicationScoped
public class FleetReadiness implements HealthCheck {
    private final FleetCache cache;

    FleetReadiness(FleetCache cache) {
        this.cache = cache;
    }

    @Override
    public HealthCheckResponse call() {
        return HealthCheckResponse.named("fleet-read")
                .status(cache.fleet().isPresent())
                .build();
    }
}
