package dev.vmabi.scale;

import dev.vmabi.demo.Driver;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import java.time.Duration;

/**
 * {@code make scale}: a fleet of this size, the operator as it ships, and what each thing that happens to a fleet costs,
 * with a floor measured in the same run beside it.
 */
public final class Scale {
    private static final Duration LIMIT = Duration.ofHours(3);

    private Scale() {}

    /** Arguments: nodes, VMs, profiles, the operator's heap in MiB, and {@code brief} for a part of it. */
    public static void main(String[] arguments) {
        Trial.Size size = new Trial.Size(
                Integer.parseInt(arguments[0]),
                Integer.parseInt(arguments[1]),
                Integer.parseInt(arguments[2]),
                Integer.parseInt(arguments[3]),
                arguments.length > 4);
        Driver.run("The scale trial failed", LIMIT, () -> {
            try (ApiServer server = ApiServers.start();
                    Trial trial = new Trial(server, size)) {
                trial.populate();
                Convergence convergence = new Convergence(trial);
                Changes changes = new Changes(trial);
                convergence.firstPin();
                convergence.rest();
                convergence.restart();
                changes.single();
                if (!size.brief()) {
                    changes.rollOut();
                    changes.massReboot();
                    changes.bootsAndMigrations();
                    changes.rackLoss();
                    convergence.rest();
                }
                trial.table().print();
            }
            return null;
        });
    }
}
