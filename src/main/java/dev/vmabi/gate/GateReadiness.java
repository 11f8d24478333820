package dev.vmabi.gate;

import jakarta.enterprise.context.ApplicationScoped;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;

/** Ready once the webhooks are served: a replica that does not serve them must get no reviews. */
@Readiness
@ApplicationScoped
public class GateReadiness implements HealthCheck {
    private final GateService gate;

    GateReadiness(GateService gate) {
        this.gate = gate;
    }

    @Override
    public HealthCheckResponse call() {
        return HealthCheckResponse.named("gate-serves")
                .status(gate.port().isPresent())
                .build();
    }
}
